//! As much of a client of AWS as revokes: one call at a time over a connection that is kept.

use crate::Failure;
use annul::{Clock, SystemClock};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{
    fmt::Write as _,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
};

pub struct Client {
    connection: BufReader<TcpStream>,
    host: String,
    region: String,
    access_key_id: String,
    secret: String,
}

impl Client {
    /// Connects to the server that told this of itself.
    pub fn connect(told: &Value) -> Result<Self, Failure> {
        let text = |value: &Value| value.as_str().map(str::to_owned).ok_or("no text");
        let endpoint = text(&told["aws"]["endpoint"])?;
        let host = endpoint.strip_prefix("http://").ok_or("no plain HTTP")?.to_owned();
        let connection = TcpStream::connect(&host)?;
        connection.set_nodelay(true)?;
        let credential = &told["credentials"][0];
        Ok(Self {
            connection: BufReader::new(connection),
            host,
            region: text(&told["aws"]["region"])?,
            access_key_id: text(&credential["access_key_id"])?,
            secret: text(&credential["secret"])?,
        })
    }

    /// Calls an operation, and answers with the status and the body.
    pub fn call(&mut self, operation: &str, body: &str) -> Result<(u16, String), Failure> {
        let request = self.signed(operation, body);
        self.connection.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.connection.read_line(&mut line)?;
        let status = line.split(' ').nth(1).ok_or("no answer")?.parse()?;
        let mut length = 0;
        loop {
            line.clear();
            self.connection.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse()?;
            }
        }
        let mut answer = vec![0; length];
        self.connection.read_exact(&mut answer)?;
        Ok((status, String::from_utf8_lossy(&answer).into_owned()))
    }

    /// A request with AWS Signature Version 4.
    fn signed(&self, operation: &str, body: &str) -> String {
        let Self { host, region, access_key_id, secret, .. } = self;
        // 2026-11-25T10:00:00Z, without what parts it.
        let mut date = SystemClock.now().to_string();
        date.retain(|it| it.is_ascii_alphanumeric());
        let day = date.get(..8).unwrap_or_default();
        let target = format!("ACMPrivateCA.{operation}");
        let names = "content-type;host;x-amz-date;x-amz-target";
        let canonical = format!(
            "POST\n/\n\ncontent-type:application/x-amz-json-1.1\nhost:{host}\nx-amz-date:{date}\n\
             x-amz-target:{target}\n\n{names}\n{}",
            hex(&Sha256::digest(body)),
        );
        let scope = format!("{day}/{region}/acm-pca/aws4_request");
        let to_sign =
            format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
        let key = [day, region, "acm-pca", "aws4_request"]
            .into_iter()
            .fold(format!("AWS4{secret}").into_bytes(), |key, part| mac(&key, part));
        let signature = hex(&mac(&key, &to_sign));
        let length = body.len();
        format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-amz-json-1.1\r\n\
             X-Amz-Date: {date}\r\nX-Amz-Target: {target}\r\nContent-Length: {length}\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential={access_key_id}/{scope}, \
             SignedHeaders={names}, Signature={signature}\r\n\r\n{body}"
        )
    }
}

fn mac(key: &[u8], message: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length is taken");
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        let _ = write!(text, "{octet:02x}");
        text
    })
}
