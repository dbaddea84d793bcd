"""Ten thousand requests that are none, then one that is: `python malformed.py PATH/TO/server`."""

import random
import socket
import urllib.request
from urllib.parse import urlsplit

from aws import client, of
from server import Server

COUNT = 10_000


def requests(seed):
    """Octets that are close to a request, and octets that are not."""
    chance = random.Random(seed)
    body = b'{"CertificateAuthorityArn":"arn","CertificateSerial":"00","RevocationReason":"X"}'
    heads = [
        b"POST / HTTP/1.1",
        b"GET /?Action=ListClientCertificate&Version=2020-06-30&Signature=%00 HTTP/1.1",
        b"POST /acme/revoke-cert HTTP/1.1",
        b"GET /crl/../../etc/passwd.crl HTTP/1.1",
        b"POST /confirm/00/00 HTTP/1.1",
        b"BREW / HTTP/1.1",
        b"POST / HTTP/9.9",
    ]
    headers = [
        b"Host: localhost",
        b"X-Amz-Target: ACMPrivateCA.RevokeCertificate",
        b"Content-Type: application/x-amz-json-1.1",
        b"Authorization: AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/acm-pca/aws4_request, "
        b"SignedHeaders=host, Signature=00",
        b"Authorization: ACS3-HMAC-SHA256 Credential=A,SignedHeaders=host,Signature=00",
        b"x-acs-action: UpdateCACertificateStatus",
        b"X-Amz-Date: 99999999T999999Z",
        b"Content-Length: 18446744073709551616",
        b"Transfer-Encoding: chunked",
        b"X-Long: " + b"a" * 100_000,
        b"\xff\xfe: \x00",
    ]
    while True:
        chosen = chance.sample(headers, chance.randrange(len(headers)))
        content = chance.choice([body, b"[" * 50_000, chance.randbytes(500), b""])
        if chance.random() < 0.8:
            chosen.append(b"Content-Length: %d" % len(content))
        whole = b"\r\n".join([chance.choice(heads), *chosen]) + b"\r\n\r\n" + content
        octets = bytearray(whole)
        for _ in range(chance.randrange(4)):
            octets[chance.randrange(len(octets))] = chance.randrange(256)
        yield bytes(octets[: chance.choice([len(octets), chance.randrange(len(octets)) + 1])])


with Server() as server:
    address = urlsplit(server.told["aws"]["endpoint"])
    for _, octets in zip(range(COUNT), requests(20261130)):
        with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
            try:
                connection.sendall(octets)
                connection.shutdown(socket.SHUT_WR)
                answer = connection.recv(64)
            except OSError:
                # It hung up before all was sent, as it may.
                continue
            assert not answer.startswith(b"HTTP/1.1 500"), (octets[:300], answer)
    assert urllib.request.urlopen(server.told["healthz"]).status == 200
    client(server).revoke_certificate(**of(server, "leaf-01"))
    server.wait_until_refused(server.certificate("leaf-01"))
    print(f"malformed: {COUNT} requests, and it answers still")
