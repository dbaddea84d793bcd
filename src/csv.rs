//! Rows for spreadsheets: RFC 4180.

use std::fmt::{self, Display};

/// Writes a row, with its end.
pub(crate) fn row(out: &mut dyn fmt::Write, cells: &[impl AsRef<str>]) -> fmt::Result {
    for (n, cell) in cells.iter().enumerate() {
        let comma = if n == 0 { "" } else { "," };
        write!(out, "{comma}{}", Cell(cell.as_ref()))?;
    }
    out.write_str("\r\n")
}

/// A cell that is empty where there is nothing to say.
pub(crate) fn maybe(cell: Option<impl Display>) -> String {
    cell.map(|cell| cell.to_string()).unwrap_or_default()
}

/// A text that no spreadsheet takes for a formula, nor for the end of its cell.
struct Cell<'a>(&'a str);

impl Display for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Where a semicolon or a tab ends a cell, what is behind one starts another.
        let mut text = String::new();
        for part in self.0.split_inclusive([';', '\t']) {
            text.push_str(if is_formula(part) { "'" } else { "" });
            text.push_str(part);
        }
        if text.contains(['"', ',', '\r', '\n']) {
            write!(f, "\"{}\"", text.replace('"', "\"\""))
        } else {
            f.write_str(&text)
        }
    }
}

/// Whether a spreadsheet may take a text for a formula. Some look past spaces at the start, and some
/// know the wide forms of the signs.
fn is_formula(text: &str) -> bool {
    const SIGNS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
    text.starts_with(['\t', '\r', '\n'])
        || text
            .trim_start_matches(|it: char| it.is_whitespace() || it.is_control())
            .starts_with(SIGNS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_a_formula_and_never_more_than_one() {
        for (text, cell) in [
            ("plain", "plain"),
            ("", ""),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t'=1"),
            ("x;=1+1", "x;'=1+1"),
            ("x;y;@z", "x;y;'@z"),
            ("\r=1", "\"'\r=1\""),
            ("  =1", "'  =1"),
            ("\u{feff}\0=1", "\u{feff}\0=1"),
            ("＝1", "'＝1"),
            ("a=1", "a=1"),
            ("a,b", "\"a,b\""),
            ("=\"a\"", "\"'=\"\"a\"\"\""),
            ("a\nb", "\"a\nb\""),
        ] {
            assert_eq!(Cell(text).to_string(), cell, "{text:?}");
        }
    }
}
