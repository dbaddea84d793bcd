//! CAs and certificates, made by the command.

use crate::command::OpenSsl;
use annul::{CaCertificate, Certificate};
use std::ops::Deref;

const CONFIGURATION: &str = "
[req]
prompt = no
utf8 = yes
string_mask = MASK
distinguished_name = SUBJECT
[plain]
O = Example
CN = Example CA
[middle]
O = Example
CN = Example CA below
[leaf]
O = Example
CN = device
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
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[ca_without_identifier]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = none
authorityKeyIdentifier = none
[ca_without_crl_sign]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[end_entity]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid,issuer
";

/// A directory of what was made: `{name}.key` and `{name}.pem`.
pub struct Made {
    openssl: OpenSsl,
    mask: String,
}

impl Deref for Made {
    type Target = OpenSsl;

    fn deref(&self) -> &OpenSsl {
        &self.openssl
    }
}

impl Made {
    /// `mask` says which string types names get. `None` where there is no command.
    pub fn new(mask: &str) -> Option<Self> {
        Some(Self { openssl: OpenSsl::new()?, mask: mask.to_owned() })
    }

    /// A self-signed CA `root` with these extensions.
    pub fn root(&self, key: &str, subject: &str, extensions: &str) {
        self.must(&format!("genpkey -algorithm {key} -out root.key"));
        self.request("root", subject);
        self.must(&format!(
            "x509 -req -in root.csr -signkey root.key -set_serial 1 -days 60 \
             -extfile request.cnf -extensions {extensions} -out root.pem"
        ));
    }

    /// A CA `middle` below `root`.
    pub fn middle(&self, key: &str) {
        self.must(&format!("genpkey -algorithm {key} -out middle.key"));
        self.issue("middle", "middle", "root", "0x1001", "ca");
    }

    /// A certificate of an end entity, by this CA.
    pub fn leaf(&self, name: &str, ca: &str, serial: &str) {
        self.must(&format!("genpkey -algorithm {} -out {name}.key", crate::P256));
        self.issue(name, "leaf", ca, serial, "end_entity");
    }

    fn request(&self, name: &str, subject: &str) {
        let configuration = CONFIGURATION.replace("MASK", &self.mask).replace("SUBJECT", subject);
        self.write("request.cnf", configuration);
        self.must(&format!("req -new -config request.cnf -key {name}.key -out {name}.csr"));
    }

    fn issue(&self, name: &str, subject: &str, ca: &str, serial: &str, extensions: &str) {
        self.request(name, subject);
        self.must(&format!(
            "x509 -req -in {name}.csr -CA {ca}.pem -CAkey {ca}.key -set_serial {serial} -days 30 \
             -extfile request.cnf -extensions {extensions} -out {name}.pem"
        ));
    }

    pub fn certificate(&self, name: &str) -> Certificate {
        Certificate::from_pem(self.text(&format!("{name}.pem"))).unwrap()
    }

    pub fn ca(&self, name: &str) -> CaCertificate {
        CaCertificate::new(self.certificate(name)).unwrap()
    }
}
