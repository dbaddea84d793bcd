//! Certificates of others: made by `openssl` and read as it reads them, from published suites, and
//! damaged.

#[path = "support/openssl.rs"]
mod openssl;

use annul::{CaCertificate, Certificate, CertificateError, Issuer};
use openssl::OpenSsl;
use std::{fs, ops::Range, path::Path};

const CONFIGURATION: &str = "
[req]
prompt = no
utf8 = yes
[plain]
O = Example
CN = Example CA
[end_entity]
O = Example
CN = device 1
[utf8]
O = Größe Übung
CN = 証明機関
[multi_valued]
O = Example
OU = one
+CN = two
[teletex]
O = Größe
CN = Große CA
[ca]
basicConstraints = critical,CA:TRUE,pathlen:3
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[ca_without_identifier]
basicConstraints = critical,CA:TRUE
keyUsage = critical,cRLSign
[leaf]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid,issuer:always
crlDistributionPoints = first,second,URI:http://crl.example/3.crl
[first]
fullname = dirName:plain,URI:http://crl.example/1.crl,URI:ldap://crl.example/cn=1?crl
reasons = keyCompromise
[second]
fullname = URI:http://crl.example/2.crl
CRLissuer = dirName:plain
[poisoned]
basicConstraints = CA:FALSE
1.3.6.1.4.1.11129.2.4.3 = critical,ASN1:NULL
[stamped]
basicConstraints = CA:FALSE
1.3.6.1.4.1.11129.2.4.2 = ASN1:FORMAT:HEX,OCTETSTRING:0000
";

/// Writes the configuration; `mask` says which string types names get.
fn configured(mask: &str) -> Option<OpenSsl> {
    let openssl = OpenSsl::new()?;
    let configuration = CONFIGURATION.replace("[req]", &format!("[req]\nstring_mask = {mask}"));
    openssl.write("openssl.cnf", configuration);
    Some(openssl)
}

const EC: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";

/// Makes a CA, `ca.pem` with `ca.key`, and a certificate by it, `leaf.pem`.
fn issue(openssl: &OpenSsl, key: &str, subject: &str, ca: &str, serial: &str, leaf: &str) {
    let digest = if key.contains("ED25519") { "" } else { "-sha256" };
    openssl.must(&format!("genpkey {key} -out ca.key"));
    openssl.must(&format!("genpkey {EC} -out leaf.key"));
    let request = |name: &str, section: &str| {
        let configuration = String::from_utf8(openssl.read("openssl.cnf")).unwrap();
        let start = format!("[req]\ndistinguished_name = {section}");
        openssl.write("request.cnf", configuration.replacen("[req]", &start, 1));
        openssl.must(&format!("req -new -config request.cnf -key {name}.key -out {name}.csr"));
    };
    request("ca", subject);
    openssl.must(&format!(
        "x509 -req -in ca.csr -signkey ca.key {digest} -days 20000 -set_serial 1 \
         -extfile openssl.cnf -extensions {ca} -out ca.pem"
    ));
    request("leaf", "end_entity");
    openssl.must(&format!(
        "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key {digest} -days 30 -set_serial {serial} \
         -extfile openssl.cnf -extensions {leaf} -out leaf.pem"
    ));
}

/// Reads a certificate and compares it with what the command prints of it.
fn read_alike(openssl: &OpenSsl, file: &str) -> Certificate {
    let shown = openssl.must(&format!(
        "x509 -in {file} -noout -serial -startdate -enddate -dateopt iso_8601 -fingerprint -sha256"
    ));
    let field = |name: &str| {
        let line = shown.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("no {name} in {shown}")).to_owned()
    };
    // `-text` puts text before the block.
    let text = openssl.must(&format!("x509 -in {file} -text"));
    let certificate = Certificate::from_pem(&text).unwrap();
    openssl.must(&format!("x509 -in {file} -outform DER -out der"));
    assert_eq!(Ok(&certificate), Certificate::from_der(&openssl.read("der")).as_ref());
    let time = |text: String| text.replace(' ', "T");
    assert_eq!(certificate.serial().to_string().replace(':', "").to_uppercase(), field("serial"));
    assert_eq!(certificate.not_before().to_string(), time(field("notBefore")));
    assert_eq!(certificate.not_after().to_string(), time(field("notAfter")));
    let fingerprint: Vec<String> =
        certificate.fingerprint().iter().map(|octet| format!("{octet:02X}")).collect();
    assert_eq!(fingerprint.join(":"), field("sha256 Fingerprint"));

    let [algorithm, issuer_name, _, subject, public_key] = sequences(openssl);
    let der = certificate.der();
    assert_eq!(certificate.signature_algorithm(), &der[algorithm]);
    assert_eq!(certificate.issuer_name(), &der[issuer_name]);
    assert_eq!(certificate.subject(), &der[subject]);
    assert_eq!(certificate.public_key(), &der[public_key]);
    certificate
}

/// Where the five SEQUENCEs of the TBSCertificate in the file `der` are, as the command says.
fn sequences(openssl: &OpenSsl) -> [Range<usize>; 5] {
    let listed = openssl.must("asn1parse -in der -inform DER");
    let ranges: Vec<Range<usize>> = listed
        .lines()
        .filter(|line| line.contains(":d=2 ") && line.contains("cons: SEQUENCE"))
        .map(|line| {
            let numbers: Vec<usize> = line
                .split(|character: char| !character.is_ascii_digit())
                .filter_map(|digits| digits.parse().ok())
                .collect();
            numbers[0]..numbers[0] + numbers[2] + numbers[3]
        })
        .collect();
    ranges.try_into().unwrap()
}

#[test]
fn s76_certificates_by_openssl_are_read_as_it_reads_them() {
    let twenty = "0x7fe8cbd2dedb122329f97706bcfec990f8123456";
    let top_bit = "0xe8cbd2dedb122329f97706bcfec990f8";
    for (key, subject, ca, serial) in [
        (EC, "plain", "ca", twenty),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-384", "utf8", "ca", top_bit),
        ("-algorithm ED25519", "multi_valued", "ca_without_identifier", "0x1"),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "utf8", "ca", "0x8000"),
    ] {
        let Some(openssl) = configured("utf8only") else { return };
        issue(&openssl, key, subject, ca, serial, "leaf");
        let ca = CaCertificate::new(read_alike(&openssl, "ca.pem")).unwrap();
        let leaf = read_alike(&openssl, "leaf.pem");
        assert_eq!(leaf.serial().to_serial(), Ok(serial.parse().unwrap()));
        assert!(leaf.verify(ca.public_key(), &openssl).is_ok(), "{key}");
        assert!(ca.verify(ca.public_key(), &openssl).is_ok(), "{key}");
        assert!(leaf.verify(leaf.public_key(), &openssl).is_err(), "{key}");
        assert_eq!(leaf.issuer_name(), ca.subject());
        assert!(ca.is_self_issued() && !leaf.is_self_issued() && !leaf.is_ca());
        assert_eq!(leaf.authority_key_identifier(), ca.subject_key_identifier());
        assert_eq!(
            leaf.crl_distribution_points(),
            [
                "http://crl.example/1.crl",
                "ldap://crl.example/cn=1?crl",
                "http://crl.example/2.crl",
                "http://crl.example/3.crl"
            ]
        );
        assert!(Issuer::new(ca).may_sign_crls(leaf.not_after()));
    }
}

#[test]
fn e5_names_keep_their_string_types() {
    for (mask, subject, value) in [
        ("MASK:0x0002", "plain", &b"\x13\x0aExample CA"[..]),
        ("MASK:0x0004", "teletex", b"\x14\x08Gro\xdfe CA"),
        ("MASK:0x0800", "teletex", b"\x1e\x10\0G\0r\0o\0\xdf\0e\0 \0C\0A"),
        ("utf8only", "teletex", b"\x0c\x09Gro\xc3\x9fe CA"),
    ] {
        let Some(openssl) = configured(mask) else { return };
        issue(&openssl, EC, subject, "ca", "1", "leaf");
        let name = read_alike(&openssl, "ca.pem").subject().to_vec();
        assert!(name.ends_with(value), "{mask}: {name:02x?}");
        assert_eq!(read_alike(&openssl, "leaf.pem").issuer_name(), name);
    }
}

#[test]
fn s4_a_precertificate_has_the_identity_of_its_certificate() {
    let Some(openssl) = configured("utf8only") else { return };
    issue(&openssl, EC, "plain", "ca", "5", "poisoned");
    let precertificate = read_alike(&openssl, "leaf.pem");
    // The same validity: a certificate that is a second younger is another.
    let again = |extensions: &str| {
        openssl.write("index.txt", "");
        openssl.write("serial", "05");
        openssl.write(
            "ca.cnf",
            format!(
                "{CONFIGURATION}\n[authority]\ndatabase = index.txt\nserial = serial\n\
                 new_certs_dir = .\ndefault_md = sha256\npolicy = any\nunique_subject = no\n\
                 [any]\nO = optional\nCN = optional\n"
            ),
        );
        openssl.must(&format!(
            "ca -batch -config ca.cnf -name authority -cert ca.pem -keyfile ca.key -in leaf.csr \
             -startdate 20260101000000Z -enddate 20270101000000Z -notext \
             -extensions {extensions} -out {extensions}.pem"
        ));
        read_alike(&openssl, &format!("{extensions}.pem"))
    };
    let (poisoned, stamped) = (again("poisoned"), again("stamped"));
    assert!(poisoned.is_precertificate() && !stamped.is_precertificate());
    assert_eq!(poisoned.identity(), stamped.identity());
    assert_ne!(poisoned.identity(), precertificate.identity());
}

#[test]
fn damaged_certificates_are_errors_with_an_offset_never_a_panic() {
    let Some(openssl) = configured("utf8only") else { return };
    issue(&openssl, EC, "multi_valued", "ca", "1", "leaf");
    let der = read_alike(&openssl, "leaf.pem").der().to_vec();
    for length in 0..der.len() {
        let Err(CertificateError::Malformed(malformed)) = Certificate::from_der(&der[..length])
        else {
            panic!("{length} octets are a certificate");
        };
        assert!(malformed.offset <= length, "{length}: {malformed}");
        assert!(Certificate::from_pem_or_der(&der[..length]).is_err());
    }
    for index in 0..der.len() {
        for flip in [0x01, 0x20, 0x80, 0xff] {
            let mut damaged = der.clone();
            damaged[index] ^= flip;
            match Certificate::from_der(&damaged) {
                Ok(read) => {
                    assert_eq!(read.der(), damaged);
                    exercise(read);
                }
                Err(CertificateError::Malformed(malformed)) => {
                    assert!(malformed.offset <= der.len(), "{malformed}");
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
}

/// PKITS broke their signatures by making the last bit unused, which no signature may have.
const BROKEN: [&str; 2] = ["BadSignedCACert.crt", "InvalidDSASignatureTest6EE.crt"];

#[test]
fn certificates_of_published_suites_are_read() {
    let Some(suites) = std::env::var_os("ANNUL_SUITES") else {
        eprintln!("skipped: ANNUL_SUITES does not name the folder of the suites");
        return;
    };
    let mut files = Vec::new();
    list(suites.as_ref(), &mut files);
    let (mut read, mut not_read) = (0, 0);
    for (path, content) in files {
        let text = String::from_utf8_lossy(&content);
        let is_text = text.contains("-----BEGIN ");
        if is_text && !text.contains("-----BEGIN CERTIFICATE-----") {
            continue;
        }
        let certificates = if is_text {
            Certificate::all_from_pem(&content)
        } else {
            Certificate::from_der(&content).map(|certificate| vec![certificate])
        };
        match certificates {
            Ok(certificates) => {
                read += certificates.len();
                certificates.into_iter().for_each(exercise);
            }
            Err(error) => {
                eprintln!("{}: {error}", path.display());
                not_read += 1;
                let is_broken = BROKEN.iter().any(|name| path.ends_with(name));
                let must = path.extension().is_some_and(|extension| extension == "crt");
                assert!(!must || is_broken);
            }
        }
    }
    eprintln!("{read} certificates read; {not_read} files that hold none, or a broken one");
    assert!(read >= 405 - BROKEN.len(), "PKITS alone has 405");
}

/// Asks everything of a certificate that can be asked.
fn exercise(certificate: Certificate) {
    let parts = [
        certificate.to_be_signed(),
        certificate.signature_algorithm(),
        certificate.serial().as_octets(),
        certificate.issuer_name(),
        certificate.subject(),
        certificate.public_key(),
    ];
    assert!(parts.iter().all(|part| !part.is_empty()), "{certificate:?}");
    if let Ok(ca) = CaCertificate::new(certificate) {
        let issuer = Issuer::new(ca);
        assert_eq!(issuer.derived_key_identifier().len(), 20);
        assert!(issuer.name().len() > 2);
    }
}

/// Finds every file that may hold a certificate.
fn list(folder: &Path, files: &mut Vec<(std::path::PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if path.is_dir() {
            list(&path, files);
        } else if matches!(extension, Some("crt" | "pem" | "der")) {
            files.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
}
