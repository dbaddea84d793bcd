"""curl, as it is, over HTTP/2 against the example server: `python http2.py PATH/TO/server`.

There is no `host` in HTTP/2, and signatures cover it.
"""

import json
import subprocess

from aws import of
from server import Server


def call(server, operation, arguments):
    """The version of HTTP, the status and the body."""
    told = server.told["credentials"][0]
    command = ["curl", "--silent", "--show-error", "--http2-prior-knowledge"]
    command += ["--aws-sigv4", f"aws:amz:{server.told['aws']['region']}:acm-pca"]
    command += ["--user", f"{told['access_key_id']}:{told['secret']}"]
    command += ["--header", "content-type: application/x-amz-json-1.1"]
    command += ["--header", f"x-amz-target: ACMPrivateCA.{operation}"]
    command += ["--data-binary", json.dumps(arguments)]
    command += ["--write-out", "\n%{http_version} %{response_code}"]
    command += [server.told["aws"]["endpoint"] + "/"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    body, _, said = done.stdout.rpartition("\n")
    return (*said.split(), body)


with Server() as server:
    leaf = server.certificate("leaf-01")
    assert call(server, "RevokeCertificate", of(server, "leaf-01")) == ("2", "200", "")
    server.wait_until_refused(leaf)
    again = call(server, "RevokeCertificate", of(server, "leaf-01"))
    assert again[:2] == ("2", "400"), again
    assert json.loads(again[2])["__type"] == "RequestAlreadyProcessedException", again
    print("curl: HTTP/2")
