//! What a job took: time, and memory beyond what was at hand before.

use allocation_counter::AllocationInfo;
use sha2::{Digest, Sha256};
use std::{
    fs,
    hint::black_box,
    time::{Duration, Instant},
};

/// What a job did besides taking time.
pub struct Done {
    /// The octets of the CRLs that it made, if it made any.
    pub octets: Option<u64>,
    /// The most octets that were allocated at once, on all of its threads.
    pub allocated: u64,
}

impl Done {
    /// Does work on this thread, which says how many octets of CRLs it made.
    pub fn alone(work: impl FnOnce() -> Option<u64>) -> Self {
        let mut octets = None;
        let info = allocation_counter::measure(|| octets = work());
        Self { octets, allocated: at_most(&info) }
    }
}

pub fn at_most(info: &AllocationInfo) -> u64 {
    info.bytes_max
}

/// All that was measured.
#[derive(Default)]
pub struct Report(Vec<Point>);

/// The time that a job took.
struct Point {
    job: &'static str,
    count: u64,
    seconds: f64,
}

impl Report {
    /// Begins a table.
    pub fn begin(title: &str) {
        println!("\n### {title}\n");
        println!("| job | s | µs each | × SHA-256 | MiB allocated | MiB resident |");
        println!("|---|--:|--:|--:|--:|--:|");
    }

    /// Does a job some times, and prints a row: medians, and the most memory.
    ///
    /// `each` is how many times it does the same, `count` what it grows with.
    pub fn job(
        &mut self,
        job: &'static str,
        (count, each): (u64, u64),
        times: usize,
        mut work: impl FnMut() -> Done,
    ) {
        let (mut seconds, mut allocated, mut octets) = (Vec::new(), 0, None);
        let before = resident("VmRSS");
        forget_peak();
        for _ in 0..times {
            let start = Instant::now();
            let done = work();
            seconds.push(start.elapsed().as_secs_f64());
            (allocated, octets) = (allocated.max(done.allocated), done.octets);
        }
        let peak = resident("VmHWM").zip(before).map(|(peak, before)| peak.saturating_sub(before));
        let seconds = median(seconds);
        let ratio = octets.map(|octets| seconds / sha256(octets).as_secs_f64());
        println!(
            "| {job} | {seconds:.3} | {:.2} | {} | {:.1} | {} |",
            seconds * 1e6 / each.max(1) as f64,
            ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}")),
            mebibytes(allocated),
            peak.map_or_else(|| "–".to_owned(), |peak| format!("{:.1}", mebibytes(peak))),
        );
        self.note(job, count, seconds);
    }

    /// Notes what something came to, for its growth.
    pub fn note(&mut self, job: &'static str, count: u64, amount: f64) {
        self.0.push(Point { job, count, seconds: amount });
    }

    /// Prints how each job grows: the slope of its line where both axes are logarithmic.
    pub fn print_growth(&self) {
        println!("\n### Growth: 1 is linear\n");
        println!("| job | from | to | slope | from the last but one to the last |");
        println!("|---|--:|--:|--:|--:|");
        let mut jobs: Vec<&str> = Vec::new();
        self.0.iter().for_each(|point| {
            if !jobs.contains(&point.job) {
                jobs.push(point.job);
            }
        });
        for job in jobs {
            let points: Vec<&Point> = self.0.iter().filter(|point| point.job == job).collect();
            if let [first, .., before, last] | [first @ before, last] = points[..] {
                println!(
                    "| {job} | {} | {} | {:.2} | {:.2} |",
                    first.count,
                    last.count,
                    slope(&points),
                    slope(&[before, last])
                );
            }
        }
    }
}

/// By least squares.
fn slope(points: &[&Point]) -> f64 {
    let of = |value: fn(&Point) -> f64| points.iter().map(move |point| value(point).ln());
    let mean = |value| of(value).sum::<f64>() / points.len() as f64;
    let (x, y) = (mean(|point| point.count as f64), mean(|point| point.seconds));
    let both = of(|point| point.count as f64).zip(of(|point| point.seconds));
    let (above, below) = both.fold((0.0, 0.0), |(above, below), (at, value)| {
        (above + (at - x) * (value - y), below + (at - x).powi(2))
    });
    above / below
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

pub fn mebibytes(octets: u64) -> f64 {
    octets as f64 / f64::from(1 << 20)
}

/// How long it takes to hash so many octets.
fn sha256(octets: u64) -> Duration {
    let piece = vec![7; 1 << 20];
    let start = Instant::now();
    let mut hasher = Sha256::new();
    let mut left = octets as usize;
    while left > 0 {
        let now = left.min(piece.len());
        hasher.update(black_box(&piece[..now]));
        left -= now;
    }
    black_box(hasher.finalize());
    start.elapsed()
}

/// Has Linux measure the peak of what is resident from here on.
fn forget_peak() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// What is resident of the process, in octets, where Linux says so.
fn resident(field: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kibibytes: u64 = line.trim_matches(|c: char| !c.is_ascii_digit()).parse().ok()?;
    Some(kibibytes << 10)
}
