"""A server with a configuration, at an address of its own: `python configured.py PATH/TO/server`.

All its keys are RSA, but for that of its CA.
"""

import datetime
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

from acme import errors, messages
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from account import acme

CONFIG = """
store = "record.redb"
crls = "crl"
url = "{url}/"
issuer = [{{ name = "root", certificate = "root.pem", key = "root.key" }}]
acme_account = [{{ key = "account.key", account = "1" }}]
[[certificate]]
file = "leaf.pem"
account = "1"
class = "DV"
[[certificate]]
file = "other.pem"
account = "2"
class = "DV"
"""


def name(text):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def certify(subject, public_key, key):
    now = datetime.datetime.now(datetime.timezone.utc)
    is_ca = subject == "root"
    usage = dict.fromkeys(
        "content_commitment key_encipherment data_encipherment key_agreement encipher_only "
        "decipher_only".split(),
        False,
    )
    usage = x509.KeyUsage(
        digital_signature=not is_ca, key_cert_sign=is_ca, crl_sign=is_ca, **usage
    )
    issuer_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = x509.CertificateBuilder(name("root"), name(subject), public_key)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(hours=1))
    builder = builder.not_valid_after(now + datetime.timedelta(days=90))
    for extension, critical in [
        (x509.BasicConstraints(ca=is_ca, path_length=None), True),
        (usage, True),
        (x509.SubjectKeyIdentifier.from_public_key(public_key), False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_id), False),
    ]:
        builder = builder.add_extension(extension, critical)
    return builder.sign(key, hashes.SHA256())


def write(directory, file, key):
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    text = key.private_bytes(pem, pkcs8, serialization.NoEncryption())
    (directory / file).write_bytes(text)


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def listed(url):
    crl = x509.load_der_x509_crl(urllib.request.urlopen(f"{url}/crl/root.crl").read())
    return {entry.serial_number for entry in crl}


def show(url, keys, leaf, other):
    owner = acme(f"{url}/acme/directory", keys["account"])
    told = owner.directory.to_json()
    assert all(it.startswith(f"{url}/acme/") for it in told.values() if isinstance(it, str)), told
    try:
        owner.new_account(messages.NewRegistration.from_data(terms_of_service_agreed=True))
        raise AssertionError("it is there")
    except errors.ConflictError as conflict:
        assert conflict.location.startswith(f"{url}/acme/account/"), conflict.location
        owner.net.account = messages.RegistrationResource(uri=conflict.location)
    owner.revoke(leaf, 1)
    holder = acme(f"{url}/acme/directory", keys["other"])
    for certificate, kind in [(leaf, "unauthorized"), (other, None), (other, "alreadyRevoked")]:
        try:
            holder.revoke(certificate, 1)
            assert kind is None, kind
        except messages.Error as error:
            assert error.code == kind, error
    until = time.monotonic() + 30
    while listed(url) != {leaf.serial_number, other.serial_number}:
        assert time.monotonic() < until, "on no CRL in time"
        time.sleep(0.2)


with tempfile.TemporaryDirectory() as directory:
    directory = pathlib.Path(directory)
    root = ec.generate_private_key(ec.SECP256R1())
    write(directory, "root.key", root)
    keys = {name: rsa.generate_private_key(65537, 2048) for name in ["account", "leaf", "other"]}
    write(directory, "account.key", keys["account"])
    certificates = {"root": certify("root", root.public_key(), root)}
    for subject in ["leaf", "other"]:
        certificates[subject] = certify(subject, keys[subject].public_key(), root)
    for subject, certificate in certificates.items():
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        (directory / f"{subject}.pem").write_bytes(pem)
    port = free_port()
    # Not what it listens on.
    url = f"http://localhost:{port}"
    (directory / "config.toml").write_text(CONFIG.format(url=url))
    command = [sys.argv[1], "--listen", f"127.0.0.1:{port}"]
    command += ["--config", directory / "config.toml"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == f"listening on 127.0.0.1:{port}\n"
    try:
        show(url, keys, certificates["leaf"], certificates["other"])
    finally:
        process.terminate()
    assert process.wait(20) == 0
    print("configured: RSA keys, and a url")
