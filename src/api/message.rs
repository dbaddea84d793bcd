//! What comes from a client, and what goes back.

use std::fmt;

/// A request as a client sent it, whatever it came over.
///
/// The octets are those of the connection: what was decoded or normalized in between is not what the
/// client signed.
#[derive(Clone, Copy)]
pub struct ApiRequest<'a> {
    /// Such as `POST`.
    pub method: &'a str,
    /// Path and query as on the request line, such as `/?Identifier=1`.
    pub target: &'a str,
    /// Names and values, in any order. Over HTTP/2 `:authority` is called `host`.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// All of it.
    pub body: &'a [u8],
}

impl<'a> ApiRequest<'a> {
    /// The value of a header; the first where there are several. Names are the same in either case.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.values(name).next()
    }

    /// What is before the query.
    pub fn path(&self) -> &'a str {
        self.target.split_once('?').map_or(self.target, |(path, _)| path)
    }

    /// What is behind the first `?`; empty where there is none.
    pub fn query(&self) -> &'a str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// All values of a header.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let named = self.headers.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name));
        named.map(|(_, value)| *value)
    }
}

impl fmt::Debug for ApiRequest<'_> {
    /// Without what may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiRequest")
            .field("method", &self.method)
            .field("path", &self.path())
            .field("headers", &self.headers.len())
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// What is sent back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiResponse {
    /// An HTTP status code.
    pub status: u16,
    /// Names, in lower case, and values. Without `content-length`.
    pub headers: Vec<(&'static str, String)>,
    /// All of it.
    pub body: Vec<u8>,
}
