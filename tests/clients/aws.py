"""boto3, as it is, against the example server: `python aws.py PATH/TO/server`."""

import csv
import json
import pathlib

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from server import Server


def client(server, key=0, **settings):
    told = server.told["credentials"][key]
    return boto3.client(
        "acm-pca",
        endpoint_url=server.told["aws"]["endpoint"],
        region_name=server.told["aws"]["region"],
        aws_access_key_id=settings.get("access_key_id", told["access_key_id"]),
        aws_secret_access_key=settings.get("secret", told["secret"]),
        # A request that is sent again would hide what the first one was answered.
        config=Config(retries={"total_max_attempts": 1}),
    )


def fails(kind, call, **arguments):
    """The call raises this class of the SDK, or an error of this code where it has none."""
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == kind, error
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400, error
        assert len(error.response["ResponseMetadata"]["RequestId"]) == 36, error
        raised = getattr(call.__self__.exceptions, kind, None)
        assert raised is None or isinstance(error, raised), error
        return error
    raise AssertionError(f"no {kind} of {arguments}")


def of(server, name, **other):
    certificate = server.certificate(name)
    return {
        "CertificateAuthorityArn": server.told["ca_arns"]["intermediate"],
        "CertificateSerial": certificate["serial"],
        "RevocationReason": "KEY_COMPROMISE",
        **other,
    }


def revokes(server):
    pca = client(server)
    leaf = server.certificate("leaf-01")
    assert not server.refused_by_openssl(leaf)
    answer = pca.revoke_certificate(**of(server, "leaf-01"))
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert set(answer) == {"ResponseMetadata"}, "S44: nothing"
    server.wait_until_refused(leaf)
    fails("RequestAlreadyProcessedException", pca.revoke_certificate, **of(server, "leaf-01"))


def serials(server):
    """With colons and without, in either case; leaf-02 and others have the top bit set."""
    pca = client(server)
    forms = [
        lambda text: text.lower(),
        lambda text: text.upper(),
        lambda text: text.replace(":", "").lower(),
        lambda text: text.replace(":", "").upper(),
    ]
    for name, form in zip(["leaf-02", "leaf-03", "leaf-04", "leaf-05"], forms):
        serial = form(server.certificate(name)["serial"])
        pca.revoke_certificate(**of(server, name, CertificateSerial=serial))
        fails(
            "RequestAlreadyProcessedException",
            pca.revoke_certificate,
            **of(server, name),
        )
    # As Terraform's provider writes them: a number, without the zero before it.
    unknown = of(server, "leaf-06", CertificateSerial="abc")
    fails("ResourceNotFoundException", pca.revoke_certificate, **unknown)
    for bad in ["", "zz", "a" * 129, "1:2", "a:bc", "00"]:
        fails(
            "InvalidRequestException",
            pca.revoke_certificate,
            **of(server, "leaf-06", CertificateSerial=bad),
        )


def reasons(server):
    pca = client(server)
    for bad in ["CERTIFICATE_HOLD", "REMOVE_FROM_CRL", "key_compromise", "1"]:
        fails(
            "InvalidRequestException",
            pca.revoke_certificate,
            **of(server, "leaf-06", RevocationReason=bad),
        )
    pca.revoke_certificate(**of(server, "leaf-06", RevocationReason="PRIVILEGE_WITHDRAWN"))


def nine_exceptions(server):
    pca, arns = client(server), server.told["ca_arns"]
    bad = "arn:aws:acm-pca:us-east-1:111122223333:certificate/1"
    revoke = pca.revoke_certificate
    fails("InvalidArnException", revoke, **of(server, "leaf-07", CertificateAuthorityArn=bad))
    unknown = arns["root"][:-4] + "beef"
    for arguments in [
        of(server, "leaf-07", CertificateAuthorityArn=unknown),
        of(server, "leaf-07", CertificateSerial="0badcafe"),
        # Another account's.
        of(server, "leaf-07", CertificateAuthorityArn=arns["poor"]),
        of(server, "leaf-20"),
    ]:
        fails("ResourceNotFoundException", revoke, **arguments)
    # S40: a root never stands on its own CRL.
    root = pca.describe_certificate_authority(CertificateAuthorityArn=arns["root"])
    root = root["CertificateAuthority"]
    assert (root["Type"], root["Status"]) == ("ROOT", "ACTIVE")
    own = of(server, "leaf-07", CertificateAuthorityArn=arns["root"])
    refused = fails(
        "InvalidRequestException", revoke, **{**own, "CertificateSerial": root["Serial"]}
    )
    # The words that Terraform's provider looks for.
    assert "Self-signed certificate can not be revoked" in str(refused), refused
    fails("InvalidStateException", revoke, **of(server, "leaf-19"))
    poor = client(server, key=1)
    arguments = of(server, "leaf-20", CertificateAuthorityArn=arns["poor"])
    fails("LimitExceededException", poor.revoke_certificate, **arguments)
    # It waits for its confirmation.
    revoke(**of(server, "leaf-17"))
    fails("RequestInProgressException", revoke, **of(server, "leaf-17"))
    assert not server.refused_by_openssl(server.certificate("leaf-17"))
    server.confirm(server.certificate("leaf-17"))
    server.wait_until_refused(server.certificate("leaf-17"))
    fails("RequestAlreadyProcessedException", revoke, **of(server, "leaf-17"))
    server.trouble("conflict")
    fails("ConcurrentModificationException", revoke, **of(server, "leaf-07"))
    server.trouble("failure")
    fails("RequestFailedException", revoke, **of(server, "leaf-07"))
    server.trouble("none")
    # Nothing was lost by it.
    revoke(**of(server, "leaf-07"))
    fails("RequestAlreadyProcessedException", revoke, **of(server, "leaf-07"))


def certificates(server):
    pca, arn = client(server), server.told["ca_arns"]["intermediate"]
    serial = server.certificate("leaf-08")["serial"].replace(":", "")
    got = pca.get_certificate(
        CertificateAuthorityArn=arn, CertificateArn=f"{arn}/certificate/{serial}"
    )
    with open(server.certificate("leaf-08")["pem"]) as file:
        assert got["Certificate"].split() == file.read().split()
    assert got["CertificateChain"].count("BEGIN CERTIFICATE") == 2
    own = pca.get_certificate_authority_certificate(CertificateAuthorityArn=arn)
    with open(server.issuer("intermediate")["pem"]) as file:
        assert own["Certificate"].split() == file.read().split()


def audit_report(server):
    """S39: what was revoked, and what was not, in JSON and in CSV."""
    pca, told = client(server), server.told["bucket"]
    arn = server.told["ca_arns"]["intermediate"]

    def report(form, arn=arn):
        made = pca.create_certificate_authority_audit_report(
            CertificateAuthorityArn=arn, S3BucketName=told["name"], AuditReportResponseFormat=form
        )
        which = {"CertificateAuthorityArn": arn, "AuditReportId": made["AuditReportId"]}
        waiter = pca.get_waiter("audit_report_created")
        waiter.wait(**which, WaiterConfig={"Delay": 1})
        found = pca.describe_certificate_authority_audit_report(**which)
        assert found["AuditReportStatus"] == "SUCCESS"
        assert (found["S3BucketName"], found["S3Key"]) == (told["name"], made["S3Key"])
        assert found["CreatedAt"].tzinfo
        ca = arn.rsplit("/")[-1]
        key = f"audit-report/{ca}/{made['AuditReportId']}.{form.lower()}"
        assert made["S3Key"] == key, made
        return pathlib.Path(told["path"], key)

    rows = json.loads(report("JSON").read_text())
    serials = {row["serial"]: row for row in rows}
    # leaf-20 is another account's.
    assert len(serials) == len(rows) == 19
    revoked = serials[server.certificate("leaf-06")["serial"]]
    assert revoked["revocationReason"] == "PRIVILEGE_WITHDRAWN"
    assert revoked["subject"].startswith("CN=leaf-06.example.com"), revoked
    good = serials[server.certificate("leaf-12")["serial"]]
    assert "revokedAt" not in good and "revocationReason" not in good
    # Each is the name of a certificate that can be had, and its times are.
    got = pca.get_certificate(CertificateAuthorityArn=arn, CertificateArn=good["certificateArn"])
    with open(server.certificate("leaf-12")["pem"]) as file:
        assert got["Certificate"].split() == file.read().split()
    with report("CSV").open(newline="") as file:
        table = list(csv.DictReader(file))
    present = [{name: cell for name, cell in row.items() if cell} for row in table]
    assert present == rows
    root = json.loads(report("JSON", server.told["ca_arns"]["root"]).read_text())
    assert [row["subject"] for row in root] == ["CN=Demo Intermediate,O=Annul Demo"], root

    create = pca.create_certificate_authority_audit_report
    asked = {
        "CertificateAuthorityArn": arn,
        "S3BucketName": told["name"],
        "AuditReportResponseFormat": "JSON",
    }
    fails("InvalidArgsException", create, **{**asked, "S3BucketName": "../crl"})
    fails("InvalidArgsException", create, **{**asked, "AuditReportResponseFormat": "XML"})
    fails("ResourceNotFoundException", create, **{**asked, "S3BucketName": "no-such-bucket"})
    fails("InvalidArnException", create, **{**asked, "CertificateAuthorityArn": "arn:aws"})
    describe = pca.describe_certificate_authority_audit_report
    which = {"CertificateAuthorityArn": arn, "AuditReportId": "0" * 8 + "-0000" * 3 + "-" + "0" * 12}
    fails("ResourceNotFoundException", describe, **which)
    # What a process that is gone did not finish.
    key = f"audit-report/{arn.rsplit('/')[-1]}/{which['AuditReportId']}.json"
    pathlib.Path(told["path"], f"{key}.part").touch()
    found = describe(**which)
    assert (found["AuditReportStatus"], found["S3Key"]) == ("FAILED", key), found
    fails("InvalidArgsException", describe, **{**which, "AuditReportId": "." * 36})
    fails("InvalidArnException", describe, **{**which, "CertificateAuthorityArn": "arn:aws"})


def signatures(server):
    arguments = of(server, "leaf-08")
    wrong = client(server, secret="another")
    fails("InvalidSignatureException", wrong.revoke_certificate, **arguments)
    nobody = client(server, access_key_id="AKIDNOBODY")
    fails("UnrecognizedClientException", nobody.revoke_certificate, **arguments)


def throttling(server):
    """The eleventh call in a second is refused, and the certificate is as it was."""
    pca, errors = client(server), []
    for _ in range(11):
        try:
            pca.describe_certificate_authority(
                CertificateAuthorityArn=server.told["ca_arns"]["root"]
            )
            errors.append(None)
        except ClientError as error:
            errors.append(error.response["Error"]["Code"])
    assert errors == [None] * 10 + ["ThrottlingException"], errors


if __name__ == "__main__":
    with Server("--calls-per-second", "1000") as server:
        shown = [revokes, serials, reasons, nine_exceptions, certificates, audit_report, signatures]
        for show in shown:
            show(server)
            print(f"boto3: {show.__name__}")
    with Server() as server:
        throttling(server)
        print("boto3: throttling")
