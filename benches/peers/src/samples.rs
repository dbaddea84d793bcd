//! Taking samples, and what they come to.

use crate::error::Error;
use std::time::{Duration, Instant};

/// How many samples are taken of each.
const ROUNDS: usize = 9;
/// How many of those that take longer than [`SLOW`] for one.
const SLOW_ROUNDS: usize = 3;
const SLOW: Duration = Duration::from_secs(1);
/// How long a sample takes at least: what is quicker is repeated, and the sample is its median.
const SAMPLE: Duration = Duration::from_millis(20);
/// How often it is repeated at most.
const REPEATED: usize = 201;
/// How often at least, within [`SLOW`]: one time alone may be one in which others had the processor.
const REPEATED_AT_LEAST: usize = 3;

/// Does what is measured, once; answers how many seconds that took.
pub type Measure<'a> = Box<dyn FnMut() -> Result<f64, Error> + 'a>;

/// Takes samples of all, in turns, so that a machine that gets slower does so for everybody.
pub fn take(measures: &mut [Measure<'_>]) -> Result<Vec<Vec<f64>>, Error> {
    let mut samples = vec![Vec::new(); measures.len()];
    let mut slow = vec![false; measures.len()];
    for round in 0..ROUNDS {
        for (n, measure) in measures.iter_mut().enumerate() {
            if slow[n] && round >= SLOW_ROUNDS {
                continue;
            }
            let start = Instant::now();
            let (sample, repeated) = sample(measure)?;
            samples[n].push(sample);
            slow[n] |= start.elapsed() > SLOW * repeated;
        }
    }
    Ok(samples)
}

/// A sample, and how often it was repeated.
fn sample(measure: &mut Measure<'_>) -> Result<(f64, u32), Error> {
    let start = Instant::now();
    let mut taken = Vec::new();
    let mut least = SLOW;
    while taken.is_empty() || (start.elapsed() < least && taken.len() < REPEATED) {
        taken.push(measure()?);
        if taken.len() == REPEATED_AT_LEAST {
            least = SAMPLE;
        }
    }
    Ok((median(&taken), u32::try_from(taken.len())?))
}

/// The samples of all runs of one thing.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    /// Run by run, in seconds; never empty.
    pub runs: Vec<Vec<f64>>,
}

impl Samples {
    pub fn median(&self) -> f64 {
        median(&self.runs.concat())
    }

    /// How many times longer than something else it takes, in each run by itself; in ascending order.
    pub fn ratios(&self, other: &Self) -> Vec<f64> {
        let runs = self.runs.iter().zip(&other.runs);
        let mut ratios: Vec<f64> =
            runs.map(|(ours, others)| median(ours) / median(others)).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        ratios
    }
}

pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        0 => (sorted[middle - 1] + sorted[middle]) / 2.0,
        _ => sorted[middle],
    }
}
