//! What `cargo bench` prints, read.

use std::collections::BTreeMap;

/// The figures of one benchmark, each a mean over the iterations of the sample that they are from.
#[derive(Clone, Copy, Default)]
pub struct Figures {
    pub fastest_ns: f64,
    pub median_ns: f64,
    /// Allocations and growths of what was allocated.
    pub allocations: f64,
    /// The most bytes that were allocated at a time.
    pub peak_bytes: f64,
    /// Bytes each second, where the benchmark counts bytes.
    pub bytes_per_second: Option<f64>,
}

/// Figures by path, such as `growth/add_task/1000`.
pub type Measured = BTreeMap<String, Figures>;

/// Reads the tree that divan draws: a benchmark is a line with a branch, and what else was measured follows on
/// lines of its own.
pub fn read(output: &str) -> Measured {
    let mut measured = Measured::new();
    let mut path: Vec<&str> = Vec::new();
    // What the lines that come next are about, and how many of them there were.
    let mut label = ("", 0);
    for line in output.lines() {
        let is_root = line.contains("fastest") && line.contains("median");
        let branch = line.char_indices().enumerate().find(|(_, (_, char))| matches!(char, '├' | '╰'));
        let depth_and_rest = match branch {
            Some((column, (at, _))) => {
                Some((column / 3 + 1, line[at..].trim_start_matches(['├', '╰', '─', ' '])))
            }
            None if is_root => Some((0, line)),
            None => None,
        };
        if let Some((depth, rest)) = depth_and_rest {
            let (name, cells) = rest.split_once(' ').unwrap_or((rest, ""));
            path.truncate(depth);
            path.push(name);
            label = ("", 0);
            let cells: Vec<&str> = cells.split('│').map(str::trim).collect();
            if let (Some(fastest), Some(median)) = (time(cells[0]), cells.get(2).and_then(|cell| time(cell)))
            {
                let figures = Figures { fastest_ns: fastest, median_ns: median, ..Figures::default() };
                measured.insert(path.join("/"), figures);
            }
            continue;
        }
        let Some(figures) = measured.get_mut(&path.join("/")) else { continue };
        let value = line.trim_start_matches(['│', ' ']).split('│').next().unwrap_or_default().trim();
        if value.ends_with(':') {
            label = (value, 0);
            continue;
        }
        match label {
            ("alloc:" | "grow:", 0) => figures.allocations += value.parse().unwrap_or(0.0),
            ("max alloc:", 1) => figures.peak_bytes = bytes(value).unwrap_or(0.0),
            ("", _) => figures.bytes_per_second = value.strip_suffix("/s").and_then(bytes),
            _ => {}
        }
        label.1 += 1;
    }
    measured
}

/// A number and its unit.
fn scaled(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    let (number, unit) = text.split_once(' ')?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<f64>().ok().map(|number| number * factor)
}

fn time(text: &str) -> Option<f64> {
    scaled(text, &[("ns", 1.0), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)])
}

fn bytes(text: &str) -> Option<f64> {
    scaled(text, &[("B", 1.0), ("KB", 1e3), ("MB", 1e6), ("GB", 1e9)])
}
