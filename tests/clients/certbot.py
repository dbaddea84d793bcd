"""certbot's `acme`, as it is, against the example server: `python certbot.py PATH/TO/server`."""

import josepy
from acme import client, errors, messages
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from server import Server


def acme(server, key):
    net = client.ClientNetwork(josepy.JWKEC(key=key), alg=josepy.ES256, user_agent="annul")
    directory = client.ClientV2.get_directory(server.told["acme"]["directory"], net)
    return client.ClientV2(directory, net)


def key_of(path):
    with open(path, "rb") as file:
        return load_pem_private_key(file.read(), None)


def certificate_of(server, name):
    with open(server.certificate(name)["pem"], "rb") as file:
        return x509.load_pem_x509_certificate(file.read())


def fails(kind, call, *arguments):
    try:
        call(*arguments)
    except messages.Error as error:
        assert error.typ == f"urn:ietf:params:acme:error:{kind}", error
        return
    except errors.ClientError as error:
        raise AssertionError(f"{kind} expected") from error
    raise AssertionError(f"no {kind}")


with Server("--calls-per-second", "1000") as server:
    # The account that the certificates are of.
    owner = acme(server, key_of(server.told["acme"]["account_key"]))
    registration = messages.NewRegistration.from_data(terms_of_service_agreed=True)
    try:
        owner.new_account(registration)
        raise AssertionError("it is there")
    except errors.ConflictError as conflict:
        known = messages.RegistrationResource(uri=conflict.location)
        owner.net.account = known
    owner.revoke(certificate_of(server, "leaf-01"), 1)
    server.wait_until_refused(server.certificate("leaf-01"))
    fails("alreadyRevoked", owner.revoke, certificate_of(server, "leaf-01"), 1)
    for reason in [6, 7, 8, 11, 255]:
        fails("badRevocationReason", owner.revoke, certificate_of(server, "leaf-02"), reason)
    owner.revoke(certificate_of(server, "leaf-02"), 4)
    print("acme: by the account")

    # Somebody else's account.
    other = acme(server, ec.generate_private_key(ec.SECP256R1()))
    other.net.account = other.new_account(registration)
    fails("unauthorized", other.revoke, certificate_of(server, "leaf-03"), 1)
    # Somebody else's key.
    stranger = acme(server, ec.generate_private_key(ec.SECP256R1()))
    fails("unauthorized", stranger.revoke, certificate_of(server, "leaf-03"), 1)
    assert not server.refused_by_openssl(server.certificate("leaf-03"))
    print("acme: by nobody else")

    # The key of the certificate, without any account.
    holder = acme(server, key_of(server.certificate("leaf-03")["key"]))
    fails("unauthorized", holder.revoke, certificate_of(server, "leaf-04"), 1)
    holder.revoke(certificate_of(server, "leaf-03"), 1)
    server.wait_until_refused(server.certificate("leaf-03"))
    print("acme: by the key of the certificate")
