//! How long something takes, on a machine that others use too.
//!
//! What takes seconds shares the processor with whoever else wants it, what takes microseconds is done
//! before it is taken away: by the clock on the wall, a slow peer would look slower than it is. So what
//! counts is the processor's time, of all threads; or the time on the wall, where threads that run at the
//! same time make that the shorter one.

use crate::error::Error;
use nix::{
    sys::resource::{UsageWho, getrusage},
    time::{ClockId, clock_gettime},
};
use std::time::{Duration, Instant};

pub struct Stopwatch {
    of: fn() -> Result<Duration, Error>,
    processor: Duration,
    wall: Instant,
}

impl Stopwatch {
    /// Starts one for what this process does.
    pub fn start() -> Result<Self, Error> {
        Self::of(this_process)
    }

    /// Starts one for what processes do that this one starts from now on, and waits for.
    pub fn start_for_children() -> Result<Self, Error> {
        Self::of(children)
    }

    fn of(of: fn() -> Result<Duration, Error>) -> Result<Self, Error> {
        Ok(Self { of, processor: of()?, wall: Instant::now() })
    }

    /// In seconds.
    pub fn seconds(&self) -> Result<f64, Error> {
        let wall = self.wall.elapsed();
        let processor = (self.of)()?.saturating_sub(self.processor);
        Ok(wall.min(processor).as_secs_f64())
    }
}

fn this_process() -> Result<Duration, Error> {
    Ok(clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?.into())
}

fn children() -> Result<Duration, Error> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = [usage.user_time(), usage.system_time()]
        .map(|time| time.tv_sec() * 1_000_000 + time.tv_usec());
    Ok(Duration::from_micros(micros.iter().sum::<i64>().unsigned_abs()))
}
