"""Makes CRLs with the package cryptography.

    crl.py CA.pem CA.key ENTRIES THIS_UPDATE NEXT_UPDATE NUMBER

An empty line has it make one, and answer how many seconds that took; any other line is a file to write
the last one to.
"""

import datetime
import sys
import time

import cryptography
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

REASONS = {
    1: x509.CRLReason(x509.ReasonFlags.key_compromise),
    3: x509.CRLReason(x509.ReasonFlags.affiliation_changed),
    4: x509.CRLReason(x509.ReasonFlags.superseded),
    5: x509.CRLReason(x509.ReasonFlags.cessation_of_operation),
}


def now():
    """On the wall, and of the processor."""
    return time.perf_counter(), time.process_time()


def seconds_since(start):
    """The shorter one of the two."""
    return min(end - begin for begin, end in zip(start, now()))


def at(seconds):
    return datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc)


def read(path):
    """Each takes 21 octets: the serial number, the date, the reason."""
    with open(path, "rb") as file:
        octets = file.read()
    number = int.from_bytes
    return [
        (number(octets[n : n + 16], "big"), at(number(octets[n + 16 : n + 20], "big")), octets[n + 20])
        for n in range(0, len(octets), 21)
    ]


def make(issuer, key, entries, this_update, next_update, number):
    revoked = [
        x509.RevokedCertificateBuilder()
        .serial_number(serial)
        .revocation_date(date)
        .add_extension(REASONS[reason], critical=False)
        .build()
        for serial, date, reason in entries
    ]
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(at(this_update))
        .next_update(at(next_update))
        .add_extension(authority, critical=False)
        .add_extension(x509.CRLNumber(int(number)), critical=False)
    )
    # The public add_revoked_certificate copies the list for each entry: that takes the square of their
    # number, three quarters of an hour for a million.
    builder._revoked_certificates = revoked
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def main():
    issuer_path, key_path, entries_path, *rest = sys.argv[1:]
    with open(issuer_path, "rb") as file:
        issuer = x509.load_pem_x509_certificate(file.read())
    with open(key_path, "rb") as file:
        key = serialization.load_pem_private_key(file.read(), None)
    entries = read(entries_path)
    print(f"cryptography {cryptography.__version__}", flush=True)
    der = b""
    for line in sys.stdin:
        if path := line.strip():
            with open(path, "wb") as file:
                file.write(der)
            print(0, flush=True)
            continue
        der = b""
        start = now()
        der = make(issuer, key, entries, *rest)
        print(seconds_since(start), flush=True)


main()
