//! The table, in Markdown.

use crate::samples::{Samples, median};

/// What was measured: one row for each who takes part.
pub struct Table {
    /// Of the columns.
    pub heads: Vec<String>,
    /// The first is what the others are compared to.
    pub rows: Vec<Row>,
}

pub struct Row {
    /// What the command line and the plot call it.
    pub name: &'static str,
    pub label: String,
    /// For each column; `None` where it takes no part.
    pub cells: Vec<Option<Samples>>,
}

impl Table {
    pub fn print(&self) {
        println!("| | {} |", self.heads.join(" | "));
        println!("|---|{}", "---|".repeat(self.heads.len()));
        for (n, row) in self.rows.iter().enumerate() {
            let cells = row.cells.iter().enumerate().map(|(column, cell)| {
                let Some(samples) = cell else { return "–".to_owned() };
                let base = self.rows[0].cells[column].as_ref().filter(|_| n > 0);
                cell_text(samples, base)
            });
            println!("| {} | {} |", row.label, cells.collect::<Vec<_>>().join(" | "));
        }
        println!();
    }
}

/// How many times longer than the base it takes, in brackets the least and the most of a run, and how
/// long that is.
fn cell_text(samples: &Samples, base: Option<&Samples>) -> String {
    let seconds = samples.median();
    let (unit, factor) = unit(seconds);
    let time = format!("{} {unit}", digits(seconds * factor));
    let ratios = base.map_or_else(Vec::new, |base| samples.ratios(base));
    match ratios[..] {
        [] => time,
        [ratio] => format!("**{}** × · {time}", digits(ratio)),
        [least, .., most] => {
            let [ratio, least, most] = [median(&ratios), least, most].map(digits);
            format!("**{ratio}** × ({least}–{most}) · {time}")
        }
    }
}

fn unit(seconds: f64) -> (&'static str, f64) {
    match seconds {
        _ if seconds < 1e-6 => ("ns", 1e9),
        _ if seconds < 1e-3 => ("µs", 1e6),
        _ if seconds < 1.0 => ("ms", 1e3),
        _ => ("s", 1.0),
    }
}

/// Three digits, or as many as are before the point.
fn digits(figure: f64) -> String {
    match figure {
        _ if figure < 9.995 => format!("{figure:.2}"),
        _ if figure < 99.95 => format!("{figure:.1}"),
        _ => grouped(figure.round() as usize),
    }
}

/// With a comma before every third digit.
pub fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
