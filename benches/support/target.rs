//! How the benches say what they measured beside what is wanted, so that one command can gather it.

/// Prints one line in the form that `benches/targets` reads.
///
/// `wanted` is the most that a figure may be, after `≥ ` the least, and empty where nobody said.
/// Nothing was measured where a filter leaves a job out: then nothing is printed.
pub fn print(job: &str, limit: &str, figure: impl Into<Option<f64>>, wanted: &str) {
    if let Some(figure) = figure.into() {
        println!("target | {job} | {limit} | {figure:.4} | {wanted}");
    }
}

/// As people write it: 1,000,000.
pub fn grouped(count: u64) -> String {
    match count / 1000 {
        0 => count.to_string(),
        thousands => format!("{},{:03}", grouped(thousands), count % 1000),
    }
}
