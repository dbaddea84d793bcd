"""Asks a CRL whether serial numbers are revoked, with the package cryptography.

    lookup.py CRL.der

A line of two numbers asks the queries from the one to the other, and answers how many seconds that
took and how many were revoked; any other line is a file to read queries from, 16 octets each.
"""

import sys
import time

import cryptography
from cryptography import x509


def now():
    """On the wall, and of the processor."""
    return time.perf_counter(), time.process_time()


def seconds_since(start):
    """The shorter one of the two."""
    return min(end - begin for begin, end in zip(start, now()))


def read(path):
    with open(path, "rb") as file:
        octets = file.read()
    return [int.from_bytes(octets[n : n + 16], "big") for n in range(0, len(octets), 16)]


def main():
    with open(sys.argv[1], "rb") as file:
        crl = x509.load_der_x509_crl(file.read())
    print(f"cryptography {cryptography.__version__}", flush=True)
    queries = []
    for line in sys.stdin:
        try:
            first, end = map(int, line.split(" "))
        except ValueError:
            queries = read(line.strip())
            print(0, flush=True)
            continue
        asked = queries[first:end]
        find = crl.get_revoked_certificate_by_serial_number
        start = now()
        hits = sum(find(serial) is not None for serial in asked)
        print(seconds_since(start), hits, flush=True)


main()
