//! What is measured, and on what.

/// The version of a crate that this was built with; where there are several, the newest.
pub fn of(name: &str) -> &'static str {
    let lock = include_str!("../Cargo.lock");
    let is_name = |line: &str| line.strip_prefix("name = ") == Some(&format!("{name:?}"));
    let after = lock.lines().zip(lock.lines().skip(1)).filter(|(line, _)| is_name(line)).last();
    let version = after.and_then(|(_, line)| line.strip_prefix("version = "));
    version.unwrap_or("?").trim_matches('"')
}

/// OpenSSL's, without the date.
pub fn openssl() -> String {
    openssl::version::version().split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// The processor and the system.
pub fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let (_, processor) = model.unwrap_or(("", std::env::consts::ARCH));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{processor}, {cores} cores, {}", std::env::consts::OS)
}
