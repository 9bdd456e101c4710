//! What the figures were taken on.

use std::io::Write;
use std::time::Instant;

use serde::Serialize;

use crate::error::Result;

#[derive(Debug, Serialize)]
pub struct Machine {
    pub cpu: String,
    pub cores: usize,
    pub memory_gib: f64,
    pub kernel: String,
    /// Median time to make 8 kB durable in the folder of the cluster: the floor under every commit.
    pub sync_ms: f64,
}

impl Machine {
    pub fn look() -> Result<Machine> {
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let memory_kib: f64 = field(&meminfo, "MemTotal")
            .and_then(|text| text.split_whitespace().next().and_then(|number| number.parse().ok()))
            .unwrap_or_default();
        Ok(Machine {
            cpu: field(&cpuinfo, "model name").unwrap_or("unknown").to_owned(),
            cores: std::thread::available_parallelism()?.get(),
            memory_gib: (memory_kib / 1_048_576.0 * 10.0).round() / 10.0,
            kernel: std::fs::read_to_string("/proc/sys/kernel/osrelease")
                .unwrap_or_default()
                .trim()
                .to_owned(),
            sync_ms: sync_ms()?,
        })
    }
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim())
}

fn sync_ms() -> Result<f64> {
    let mut file = tempfile::tempfile()?;
    let mut times_ms = Vec::new();
    for _ in 0..200 {
        file.write_all(&[1; 8192])?;
        let start = Instant::now();
        file.sync_data()?;
        times_ms.push(start.elapsed().as_secs_f64() * 1_000.0);
    }
    times_ms.sort_by(f64::total_cmp);
    Ok((times_ms[times_ms.len() / 2] * 1_000.0).round() / 1_000.0)
}
