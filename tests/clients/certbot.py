"""certbot's `acme`, as it is, against the example server: `python certbot.py PATH/TO/server`."""

import json
import urllib.error
import urllib.request

import josepy
from acme import errors, messages
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from account import acme
from server import Server


def key_of(path):
    with open(path, "rb") as file:
        return load_pem_private_key(file.read(), None)


def certificate_of(server, name):
    with open(server.certificate(name)["pem"], "rb") as file:
        return x509.load_pem_x509_certificate(file.read())


def problem_of(request):
    """What is answered where there is nothing: the status, and the type of the problem."""
    try:
        urllib.request.urlopen(request)
    except urllib.error.HTTPError as error:
        assert error.headers["content-type"] == "application/problem+json", error.headers
        assert error.headers["replay-nonce"], error.headers
        problem = json.loads(error.read())
        kind = problem["type"].removeprefix("urn:ietf:params:acme:error:")
        if kind == "badSignatureAlgorithm":
            assert problem["algorithms"] == ["ES256", "RS256"], "RFC 8555 §6.2"
        return error.code, kind
    raise AssertionError("it is there")


def integer(number):
    """As in a JWK."""
    return josepy.encode_b64jose(number.to_bytes((number.bit_length() + 7) // 8))


def unsigned(url, header):
    """What is answered to a JWS that nobody has signed."""
    protected = josepy.encode_b64jose(json.dumps(header).encode())
    jws = {"protected": protected, "payload": josepy.encode_b64jose(b"{}"), "signature": "AA"}
    headers = {"content-type": "application/jose+json"}
    return problem_of(urllib.request.Request(url, json.dumps(jws).encode(), headers))


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
    directory = server.told["acme"]["directory"]
    # The account that the certificates are of.
    owner = acme(directory, key_of(server.told["acme"]["account_key"]))
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
    other = acme(directory, ec.generate_private_key(ec.SECP256R1()))
    other.net.account = other.new_account(registration)
    fails("unauthorized", other.revoke, certificate_of(server, "leaf-03"), 1)
    # Somebody else's key.
    stranger = acme(directory, ec.generate_private_key(ec.SECP256R1()))
    fails("unauthorized", stranger.revoke, certificate_of(server, "leaf-03"), 1)
    assert not server.refused_by_openssl(server.certificate("leaf-03"))
    print("acme: by nobody else")

    # The key of the certificate, without any account.
    holder = acme(directory, key_of(server.certificate("leaf-03")["key"]))
    fails("unauthorized", holder.revoke, certificate_of(server, "leaf-04"), 1)
    holder.revoke(certificate_of(server, "leaf-03"), 1)
    server.wait_until_refused(server.certificate("leaf-03"))
    print("acme: by the key of the certificate")

    # An account with an RSA key, as certbot's are.
    key = rsa.generate_private_key(65537, 2048)
    of_rsa = acme(directory, key)
    fails(
        "accountDoesNotExist",
        of_rsa.new_account,
        registration.update(only_return_existing=True),
    )
    account = of_rsa.new_account(registration)
    for known, jwk in [(account, of_rsa.net.key), (other.net.account, other.net.key)]:
        thumbprint = josepy.encode_b64jose(jwk.thumbprint(hash_function=hashes.SHA256))
        assert known.uri.endswith(f"/account/{thumbprint}"), "RFC 7638"
    of_rsa.net.account = account
    assert of_rsa.query_registration(account).body.status == "valid"
    assert of_rsa.net.account.uri == account.uri
    fails("unauthorized", of_rsa.revoke, certificate_of(server, "leaf-04"), 1)
    # Another's account is nobody else's to read; one's own is.
    post = of_rsa.net.post
    new_nonce = {"new_nonce_url": of_rsa.directory.newNonce}
    own = post(account.uri, None, **new_nonce)
    assert own.json() == {"status": "valid"}, own.json()
    fails("unauthorized", lambda: post(other.net.account.uri, None, **new_nonce))
    fails("malformed", lambda: of_rsa.deactivate_registration(account))
    print("acme: RSA")

    # What no key here may be, whoever signed with it.
    url = of_rsa.directory.newAccount
    n = key.public_key().public_numbers().n
    for jwk in [
        {"kty": "RSA", "n": integer(n >> 1024 | 1), "e": integer(65537)},
        {"kty": "RSA", "n": integer(n << 8192 | 1), "e": integer(65537)},
        {"kty": "RSA", "n": integer(n + 1), "e": integer(65537)},
        {"kty": "RSA", "n": integer(n), "e": integer((1 << 40) + 1)},
        {"kty": "RSA", "n": integer(n), "e": integer(1)},
        {"kty": "RSA", "n": "", "e": ""},
        {"kty": "RSA", "n": integer(n)},
        {"kty": "EC", "crv": "P-384", "x": integer(5), "y": integer(5)},
        {"kty": "EC", "crv": "P-256", "x": integer(5), "y": integer(5)},
        {"kty": "oct", "k": "AA"},
        {},
        7,
    ]:
        header = {"alg": "RS256", "url": url, "nonce": "x", "jwk": jwk}
        assert unsigned(url, header) == (400, "badPublicKey"), jwk
    jwk = {"kty": "RSA", "n": integer(n), "e": integer(65537)}
    for alg, kind in [
        ("RS256", "malformed"),
        ("ES256", "malformed"),
        ("RS1", "badSignatureAlgorithm"),
        ("none", "badSignatureAlgorithm"),
        (None, "badSignatureAlgorithm"),
    ]:
        header = {"alg": alg, "url": url, "nonce": "x", "jwk": jwk}
        assert unsigned(url, header) == (400, kind), alg
    print("acme: no key")

    base = directory.removesuffix("directory")
    assert problem_of(base + "nowhere") == (404, "malformed")
    assert problem_of(base + "new-account") == (405, "malformed"), "RFC 8555 §6.3"
    nowhere = urllib.request.Request(base + "account/1/orders", b"{}")
    assert problem_of(nowhere) == (404, "malformed")
    head = urllib.request.Request(base + "new-nonce", method="HEAD")
    assert urllib.request.urlopen(head).status == 200
    print("acme: nowhere")
