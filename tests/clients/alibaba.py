"""Alibaba's SDK, as it is, against the example server: `python alibaba.py PATH/TO/server`."""

import uuid

from alibabacloud_cas20200630 import models
from alibabacloud_cas20200630.client import Client
from alibabacloud_tea_openapi.models import Config
from Tea.exceptions import TeaException

from server import Server


def client(server, key=0, **settings):
    told = server.told["credentials"][key]
    config = Config(
        access_key_id=told["access_key_id"],
        access_key_secret=settings.get("secret", told["secret"]),
        endpoint=server.told["alibaba"]["endpoint"].removeprefix("http://"),
        protocol="HTTP",
    )
    # The older style, with everything in the query, or the one with headers.
    config.signature_algorithm = settings.get("style")
    return Client(config)


def fails(code, call, request):
    try:
        call(request)
    except TeaException as error:
        assert error.code == code, error
        return error
    raise AssertionError(f"no {code}")


def revoke_then_delete(server, style):
    """ISSUE, then REVOKE, then deleted; the entry stays on the CRL."""
    cas = client(server, style=style)
    leaf = server.certificate("leaf-13" if style else "leaf-14")
    identifier = leaf["identifier"]
    delete = models.DeleteClientCertificateRequest(identifier=identifier)
    code = "InvalidStatus"
    fails(code, cas.delete_client_certificate, delete)
    request = models.CreateRevokeClientCertificateRequest(identifier=identifier)
    answer = cas.create_revoke_client_certificate(request)
    assert answer.status_code == 200 and len(answer.body.request_id) == 36
    assert set(answer.body.to_map()) == {"RequestId"}, "S31: only that"
    fails(code, cas.create_revoke_client_certificate, request)
    listed = cas.list_revoke_certificate(models.ListRevokeCertificateRequest()).body.to_map()
    assert any(identifier in str(it) for it in listed["CertificateList"]), listed
    server.wait_until_refused(leaf)
    cas.delete_client_certificate(delete)
    listed = cas.list_client_certificate(
        models.ListClientCertificateRequest(show_size=50)
    ).body.to_map()
    assert all(it["Identifier"] != identifier for it in listed["CertificateList"])
    assert server.refused_by_openssl(leaf), "deleted, and on the CRL"


def statuses(server):
    cas = client(server)
    leaf = server.certificate("leaf-15")
    request = models.DescribeClientCertificateStatusRequest(identifier=leaf["identifier"])
    body = cas.describe_client_certificate_status(request).body.to_map()
    assert body["CertificateStatus"][0]["Status"] == "GOOD" or body, body
    unknown = models.CreateRevokeClientCertificateRequest(identifier="leaf-1")
    fails("NotFound", cas.create_revoke_client_certificate, unknown)


def signatures(server):
    request = models.CreateRevokeClientCertificateRequest(
        identifier=server.certificate("leaf-15")["identifier"]
    )
    for style in [None, "v2"]:
        wrong = client(server, secret="another", style=style)
        fails("SignatureDoesNotMatch", wrong.create_revoke_client_certificate, request)
    poor = client(server, key=1)
    fails("NotFound", poor.create_revoke_client_certificate, request)


def cascade(server):
    """A CA is revoked once, whatever is sent again, and all below it falls."""
    cas = client(server)
    leaf = server.certificate("leaf-16")
    assert not server.refused_by_openssl(leaf)
    identifier = server.issuer("intermediate")["identifier"]
    describe = models.DescribeCACertificateRequest(identifier=identifier)
    assert cas.describe_cacertificate(describe).body.certificate.status == "ISSUE"
    token = str(uuid.uuid4())
    update = models.UpdateCACertificateStatusRequest(
        identifier=identifier, status="REVOKE", client_token=token
    )
    cas.update_cacertificate_status(update)
    cas.update_cacertificate_status(update)
    other = models.UpdateCACertificateStatusRequest(
        identifier=server.issuer("root")["identifier"], status="REVOKE", client_token=token
    )
    fails("IdempotentParameterMismatch", cas.update_cacertificate_status, other)
    without = models.UpdateCACertificateStatusRequest(identifier=identifier, status="REVOKE")
    fails("InvalidStatus", cas.update_cacertificate_status, without)
    assert cas.describe_cacertificate(describe).body.certificate.status == "REVOKE"
    server.wait_until_refused(leaf)


def throttling(server):
    """The eleventh call in a second is refused."""
    cas, codes = client(server), []
    request = models.DescribeCACertificateRequest(
        identifier=server.issuer("root")["identifier"]
    )
    for _ in range(11):
        try:
            cas.describe_cacertificate(request)
            codes.append(None)
        except TeaException as error:
            codes.append(error.code)
            # How long its policy for retries would wait, in milliseconds.
            assert 0 < error.retry_after <= 1000, error.retry_after
    assert codes == [None] * 10 + ["Throttling.User"], codes


with Server("--calls-per-second", "1000") as server:
    for style in [None, "v2"]:
        revoke_then_delete(server, style)
        print(f"alibaba: revoke_then_delete, {style or 'v3'}")
    for show in [statuses, signatures, cascade]:
        show(server)
        print(f"alibaba: {show.__name__}")
with Server() as server:
    throttling(server)
    print("alibaba: throttling")
