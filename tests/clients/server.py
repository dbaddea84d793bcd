"""The example server, started for a client to talk to."""

import json
import pathlib
import subprocess
import sys
import time
import urllib.request


class Server:
    """`examples/server --demo`, until the block ends."""

    def __init__(self, *arguments):
        binary = pathlib.Path(sys.argv[1])
        self.process = subprocess.Popen(
            [binary, "--demo", *arguments], stdout=subprocess.PIPE, text=True
        )
        self.told = json.loads(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        assert self.process.wait(20) == 0, "it stops when it is told to"

    def certificate(self, name):
        return next(it for it in self.told["certificates"] if it["name"] == name)

    def issuer(self, name):
        return next(it for it in self.told["issuers"] if it["name"] == name)

    def trouble(self, kind):
        url = self.told["trouble"] + kind
        urllib.request.urlopen(urllib.request.Request(url, method="POST")).read()

    def confirm(self, certificate):
        """What a contact does who was mailed the token of a certificate."""
        url = self.told["aws"]["endpoint"]
        outbox = json.loads(urllib.request.urlopen(f"{url}/demo/outbox").read())
        mail = next(it for it in outbox if it["certificate"] == certificate["identifier"])
        url = f"{url}/confirm/{mail['certificate']}/{mail['token']}"
        urllib.request.urlopen(urllib.request.Request(url, method="POST")).read()

    def crl(self, issuer):
        """A file with the CRL of an issuer as it is served now."""
        der = urllib.request.urlopen(self.issuer(issuer)["crl_url"]).read()
        path = pathlib.Path(self.told["directory"]) / f"{issuer}.fetched.crl"
        path.write_bytes(der)
        return path

    def refused_by_openssl(self, certificate):
        """What `openssl verify -crl_check` says of a certificate."""
        root, intermediate = self.issuer("root")["pem"], self.issuer("intermediate")["pem"]
        command = ["openssl", "verify", "-crl_check", "-CAfile", root, "-untrusted", intermediate]
        command += ["-CRLfile", self.crl("intermediate"), certificate["pem"]]
        done = subprocess.run(command, capture_output=True, text=True)
        return "certificate revoked" in done.stdout + done.stderr

    def wait_until_refused(self, certificate, seconds=30):
        """The server's policy: a CRL a second after a revocation, and a minute at most."""
        until = time.monotonic() + seconds
        while not self.refused_by_openssl(certificate):
            assert time.monotonic() < until, "on no CRL in time"
            time.sleep(0.2)
