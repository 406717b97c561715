//! The plot of how costs grow with the account, drawn from the table of `benches/README.md`.

use crate::drawing::{Anchor, Picture};

/// The column heads of the table are these numbers.
pub const SIZES: [&str; 5] = ["100", "1,000", "10,000", "100,000", "1,000,000"];

/// A row of the table: what costs how many nanoseconds at each size.
struct Curve {
    name: String,
    times: Vec<f64>,
}

const LEFT: u64 = 70;
const TOP: u64 = 20;
const STEP: u64 = 130;
const DECADE: u64 = 46;
const RIGHT: u64 = LEFT + STEP * 4;
const COLOURS: [&str; 14] = [
    "#1b6ca8", "#c8553d", "#3a7d44", "#8a4fbf", "#b8860b", "#0f8b8d", "#a23b72", "#5c5c5c", "#2f4b9b",
    "#7a5230", "#6b8e23", "#d1478c", "#00738c", "#b03030",
];

/// # Errors
/// If the page has no table of growth, or a figure in it cannot be read.
pub fn draw(page: &str) -> Result<String, String> {
    let curves = curves(page)?;
    let largest = curves.iter().flat_map(|curve| &curve.times).fold(1.0_f64, |a, b| a.max(*b));
    let decades = (1..12).find(|decade| 10_f64.powi(*decade) >= largest).ok_or("a figure is too large")?;
    let bottom = TOP + DECADE * u64::from(decades.unsigned_abs());
    let mut picture = Picture::new(RIGHT + 330, bottom + 50);
    for decade in 0..=decades {
        let y = bottom - DECADE * u64::from(decade.unsigned_abs());
        picture.guide((LEFT, y), (RIGHT, y));
        picture.note((LEFT - 8, y + 4), Anchor::End, "#555", duration(10_f64.powi(decade)));
    }
    for (index, size) in (0..).zip(SIZES) {
        let x = LEFT + STEP * index;
        picture.guide((x, TOP), (x, bottom));
        picture.note((x, bottom + 18), Anchor::Middle, "#555", size);
    }
    picture.note((LEFT + STEP * 2, bottom + 38), Anchor::Middle, "#555", "jobs or tasks in the account");
    draw_curves(&mut picture, &curves, bottom);
    Ok(picture.finish())
}

/// Each curve with its name at its end. Names that would lie over each other move apart.
fn draw_curves(picture: &mut Picture, curves: &[Curve], bottom: u64) {
    let mut ends: Vec<(u64, &str, &str)> = Vec::new();
    for (curve, colour) in curves.iter().zip(COLOURS.iter().cycle()) {
        let points: Vec<(u64, u64)> = (0..)
            .zip(&curve.times)
            .map(|(index, time)| (LEFT + STEP * index, bottom - height(*time)))
            .collect();
        picture.curve(&points, colour, &curve.name);
        ends.extend(points.last().map(|(_, y)| (*y, curve.name.as_str(), *colour)));
    }
    ends.sort_unstable();
    let mut free = 0;
    for (y, name, colour) in ends {
        let place = (y + 4).max(free);
        picture.note((RIGHT + 10, place), Anchor::Start, colour, name);
        free = place + 15;
    }
}

/// How far above the bottom a time is: a decade above for ten times as long.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a place in a picture"
)]
fn height(nanoseconds: f64) -> u64 {
    (nanoseconds.max(1.0).log10() * DECADE as f64).round() as u64
}

/// The table's rows: those with a name and a time for each size.
fn curves(page: &str) -> Result<Vec<Curve>, String> {
    let head = format!("| {} |", SIZES.join(" | "));
    let mut lines = page.lines().skip_while(|line| !line.ends_with(&head));
    lines.next().ok_or("there is no table of growth")?;
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let mut cells = row.trim_matches('|').split('|').map(str::trim);
        let name = cells.next().unwrap_or_default().replace('`', "");
        let times: Option<Vec<f64>> = cells.map(parse).collect();
        let times = times.filter(|times| times.len() == SIZES.len());
        Ok(Curve { name, times: times.ok_or_else(|| format!("a figure cannot be read: {row}"))? })
    })
    .collect()
}

const UNITS: [(&str, f64); 4] = [("s", 1e9), ("ms", 1e6), ("us", 1e3), ("ns", 1.0)];

/// A duration as the tables have it, with three digits.
pub fn duration(nanoseconds: f64) -> String {
    let largest = UNITS.iter().find(|(_, factor)| nanoseconds >= 0.9995 * factor);
    let (unit, factor) = largest.copied().unwrap_or(("ns", 1.0));
    format!("{} {unit}", three_digits(nanoseconds / factor))
}

pub fn three_digits(number: f64) -> String {
    let decimals = if number >= 99.95 {
        0
    } else if number >= 9.995 {
        1
    } else {
        2
    };
    let text = format!("{number:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn parse(duration: &str) -> Option<f64> {
    let (number, unit) = duration.split_once(' ')?;
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.parse::<f64>().ok().map(|number| number * factor)
}
