//! The keys of ACME's clients, of the two kinds that all of them make: read from a JWK (RFC 7518 §6),
//! and checked as the algorithm of the kind says (RFC 7518 §3).

use base64ct::{Base64UrlUnpadded, Encoding};
use p256::{
    SecretKey,
    ecdsa::{Signature, VerifyingKey, signature::Verifier},
    pkcs8::{DecodePrivateKey, EncodePublicKey},
};
use rsa::{BoxedUint, Pkcs1v15Sign, RsaPrivateKey, RsaPublicKey, traits::PublicKeyParts};
use serde_json::Value;
use sha2::{Digest, Sha256};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    P256(VerifyingKey),
    Rsa(RsaPublicKey),
}

/// What keys sign with.
pub const ALGORITHMS: [&str; 2] = ["ES256", "RS256"];

impl Key {
    /// The key of a JWK; nothing where it is of another kind, or none.
    pub fn from_jwk(jwk: &Value) -> Option<Self> {
        let octets = |name: &str| Base64UrlUnpadded::decode_vec(jwk[name].as_str()?).ok();
        match jwk["kty"].as_str()? {
            "EC" if jwk["crv"] == "P-256" => {
                let (x, y) = (octets("x")?, octets("y")?);
                // RFC 7518 §6.2.1.2: all octets of a coordinate, or the two could be cut elsewhere.
                if (x.len(), y.len()) != (32, 32) {
                    return None;
                }
                let point = [&[4], &x[..], &y[..]].concat();
                VerifyingKey::from_sec1_bytes(&point).ok().map(Self::P256)
            }
            "RSA" => rsa_key(&octets("n")?, &octets("e")?).map(Self::Rsa),
            _ => None,
        }
    }

    /// The public key of a private one: PKCS #8, in PEM.
    pub fn of_private_pem(pem: &str) -> Option<Self> {
        let p256 = SecretKey::from_pkcs8_pem(pem).ok();
        let p256 = p256.map(|key| Self::P256(VerifyingKey::from(key.public_key())));
        p256.or_else(|| {
            RsaPrivateKey::from_pkcs8_pem(pem).ok().map(|key| Self::Rsa(key.to_public_key()))
        })
    }

    /// The only one that it signs with.
    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::P256(_) => "ES256",
            Self::Rsa(_) => "RS256",
        }
    }

    pub fn is_signature(&self, signed: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::P256(key) => Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(signed, &signature).is_ok()),
            Self::Rsa(key) => {
                let padding = Pkcs1v15Sign::new::<Sha256>();
                key.verify(padding, &Sha256::digest(signed), signature).is_ok()
            }
        }
    }

    /// Its SubjectPublicKeyInfo, in DER.
    pub fn to_der(&self) -> Option<Vec<u8>> {
        let document = match self {
            Self::P256(key) => key.to_public_key_der(),
            Self::Rsa(key) => key.to_public_key_der(),
        };
        Some(document.ok()?.into_vec())
    }

    /// Its thumbprint (RFC 7638): the digest of its JWK with what is required only, in order.
    pub fn thumbprint(&self) -> String {
        let encode = Base64UrlUnpadded::encode_string;
        let canonical = match self {
            Self::P256(key) => {
                let point = key.to_sec1_point(false);
                let part = |range| encode(point.as_bytes().get(range).unwrap_or_default());
                let (x, y) = (part(1..33), part(33..65));
                format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            Self::Rsa(key) => {
                let (e, n) = (encode(&key.e_bytes()), encode(&key.n_bytes()));
                format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#)
            }
        };
        encode(&Sha256::digest(canonical))
    }
}

/// A key of 2048 to 8192 bits: shorter ones are broken, and longer ones are work for whoever checks
/// what they signed. The exponent, of 33 bits at most, is bounded for the same reason.
fn rsa_key(modulus: &[u8], exponent: &[u8]) -> Option<RsaPublicKey> {
    let number = |octets: &[u8], most: usize| {
        // RFC 7518 §6.3.1.1 knows of libraries that write the sign octet of DER.
        let zeros = octets.iter().take_while(|&&octet| octet == 0).count();
        let octets = octets.get(zeros..).filter(|it| !it.is_empty() && it.len() <= most)?;
        Some(BoxedUint::from_be_slice_vartime(octets))
    };
    let (modulus, exponent) = (number(modulus, 8192 / 8)?, number(exponent, 8)?);
    RsaPublicKey::new_with_size_limits(modulus, exponent, 2048..=8192).ok()
}
