//! What a request asks for.

use super::{
    ApiRequest, Unauthenticated,
    query::{check_line, pairs},
};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt,
};

const LONGEST_FORM: usize = 64 * 1024;
const MOST: usize = 256;

/// What a request asks for: the parameters of its query, and those of its body where that is a
/// form. None is there twice.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Reads those of a request.
    ///
    /// # Errors
    /// One that is there twice, or is no UTF-8; a target that is none; more than 8 KiB of path
    /// and query, 64 KiB of a form or 256 parameters.
    pub fn of(request: &ApiRequest<'_>) -> Result<Self, Unauthenticated> {
        check_line(request)?;
        let form = if is_form(request) { request.body } else { b"" };
        if form.len() > LONGEST_FORM {
            let what = "octets of a form";
            return Err(Unauthenticated::TooLarge { what, most: LONGEST_FORM });
        }
        let mut parameters = Self::default();
        for (name, value) in pairs(request.query().as_bytes()).chain(pairs(form)) {
            parameters.add(name, value)?;
        }
        Ok(parameters)
    }

    /// The value of a parameter. Names are in the case that the service says.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(super) fn of_query(request: &ApiRequest<'_>) -> Result<Self, Unauthenticated> {
        Self::of(&ApiRequest { body: b"", ..*request })
    }

    fn add(&mut self, name: Vec<u8>, value: Vec<u8>) -> Result<(), Unauthenticated> {
        if self.0.len() >= MOST {
            return Err(Unauthenticated::TooLarge { what: "parameters", most: MOST });
        }
        let text = |octets| {
            String::from_utf8(octets)
                .map_err(|_| Unauthenticated::Malformed { what: "a parameter" })
        };
        let value = text(value)?;
        match self.0.entry(text(name)?) {
            Entry::Occupied(entry) => Err(Unauthenticated::Twice { name: entry.key().clone() }),
            Entry::Vacant(entry) => {
                entry.insert(value);
                Ok(())
            }
        }
    }
}

fn is_form(request: &ApiRequest<'_>) -> bool {
    const FORM: &[u8] = b"application/x-www-form-urlencoded";
    let content_type = request.header("content-type").unwrap_or_default();
    let essence = content_type.split(|octet| *octet == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(FORM)
}

impl fmt::Debug for Parameters {
    /// Without the values, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
