//! A timeline: a lane for each job, task and run on a node, and its states over time.

use azbatch::Timestamp;

use crate::drawing::{
    Anchor, Fill, Picture,
    history::{ACTIVE_FOR_EVER, FAILED},
};

/// A lane's name, and each state with the instant at which it began. The last one goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    pub name: String,
    pub states: Vec<(Timestamp, &'static str)>,
}

/// What is drawn.
pub struct Timeline<'a> {
    pub lanes: &'a [Lane],
    pub start: Timestamp,
    /// Until when; later changes are not drawn.
    pub end: Timestamp,
    /// How wide the picture is.
    pub width: u64,
}

/// The width of the picture in the README.
pub const WIDTH: u64 = 1010;
/// A picture that is narrower has the names above the lanes.
const NARROW: u64 = 640;
/// Steps of the scale, in ticks.
const STEPS: [u64; 23] = {
    const SECOND: u64 = 10_000_000;
    const MINUTE: u64 = 60 * SECOND;
    const HOUR: u64 = 60 * MINUTE;
    [
        SECOND / 10,
        SECOND / 5,
        SECOND / 2,
        SECOND,
        2 * SECOND,
        5 * SECOND,
        10 * SECOND,
        30 * SECOND,
        MINUTE,
        2 * MINUTE,
        5 * MINUTE,
        10 * MINUTE,
        30 * MINUTE,
        HOUR,
        2 * HOUR,
        6 * HOUR,
        12 * HOUR,
        24 * HOUR,
        48 * HOUR,
        240 * HOUR,
        720 * HOUR,
        2400 * HOUR,
        24000 * HOUR,
    ]
};

/// Where things are.
struct Layout {
    left: u64,
    width: u64,
    lane: u64,
    /// How far the bar is below the top of its lane.
    bar: u64,
    top: u64,
    /// How many letters of a name there is room for.
    letters: usize,
}

impl Layout {
    fn new(width: u64) -> Self {
        let width = width.clamp(280, 4000);
        let letters = |pixels: u64| usize::try_from(pixels / 8).unwrap_or(0);
        if width < NARROW {
            Self { left: 10, width: width - 30, lane: 52, bar: 18, top: 14, letters: letters(width - 30) }
        } else {
            Self { left: 230, width: width - 250, lane: 34, bar: 0, top: 20, letters: letters(220) }
        }
    }
}

impl Timeline<'_> {
    /// Draws it as SVG.
    pub fn draw(&self) -> String {
        let layout = Layout::new(self.width);
        let lanes = u64::try_from(self.lanes.len()).unwrap_or(0);
        let height = layout.top + layout.lane * lanes + 30;
        let mut picture = Picture::new(layout.left + layout.width + 20, height);
        if self.lanes.iter().any(|lane| lane.states.iter().any(|(_, state)| *state == ACTIVE_FOR_EVER)) {
            picture.define_hatching();
        }
        for (index, lane) in (0..).zip(self.lanes) {
            self.draw_lane(&mut picture, &layout, lane, layout.top + layout.lane * index);
        }
        self.draw_scale(&mut picture, &layout, height);
        picture.finish()
    }

    fn span(&self) -> u64 {
        self.end.ticks().saturating_sub(self.start.ticks()).max(1)
    }

    fn draw_lane(&self, picture: &mut Picture, layout: &Layout, lane: &Lane, top: u64) {
        let name = shortened(&lane.name, layout.letters);
        let (place, anchor) = if layout.bar == 0 {
            ((layout.left - 10, top + 18), Anchor::End)
        } else {
            ((layout.left, top + 12), Anchor::Start)
        };
        picture.name(place, anchor, &name, &lane.name);
        let y = top + layout.bar;
        let ends = lane.states.iter().skip(1).map(|(at, _)| *at).chain([self.end]);
        for ((from, state), to) in lane.states.iter().zip(ends) {
            let (left, right) = (self.x(layout, *from), self.x(layout, to));
            let width = right.saturating_sub(left);
            if width == 0 {
                continue; // Too short to be seen, or before or after what is drawn.
            }
            picture.bar((left, y), width, fill(state), format_args!("{state} from {from} to {to}"));
            if width > 8 * u64::try_from(state.len()).unwrap_or(u64::MAX) {
                picture.text((left + 5, y + 18), Anchor::Start, state);
            }
        }
    }

    fn x(&self, layout: &Layout, at: Timestamp) -> u64 {
        let along = at.ticks().saturating_sub(self.start.ticks()).min(self.span());
        let along = u128::from(along) * u128::from(layout.width) / u128::from(self.span());
        layout.left + u64::try_from(along).unwrap_or(layout.width)
    }

    fn draw_scale(&self, picture: &mut Picture, layout: &Layout, height: u64) {
        let most = (layout.width / 80).clamp(3, 9);
        let fits = |step: &&u64| self.span() / **step < most;
        let step = STEPS.iter().find(fits).copied().unwrap_or(self.span());
        for mark in (0..=self.span()).step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
            let at = Timestamp::from_ticks(self.start.ticks() + mark).unwrap_or(self.end);
            let x = self.x(layout, at);
            picture.guide((x, layout.top - 10), (x, height - 26));
            let anchor = if layout.left < 20 && mark == 0 { Anchor::Start } else { Anchor::Middle };
            picture.note((x, height - 10), anchor, "#555", duration(mark, step));
        }
    }
}

/// The beginning and the end of a text that is too long.
fn shortened(text: &str, letters: usize) -> String {
    let count = text.chars().count();
    if count <= letters {
        return text.to_owned();
    }
    let end = 8.min(letters / 3);
    let start: String = text.chars().take(letters.saturating_sub(end + 1)).collect();
    let end: String = text.chars().skip(count - end).collect();
    format!("{start}\u{2026}{end}")
}

/// A mark of the scale, in the largest unit that all marks are whole in.
fn duration(ticks: u64, step: u64) -> String {
    let seconds = ticks / 10_000_000;
    if step < 10_000_000 {
        return format!("{seconds}.{} s", ticks / 1_000_000 % 10);
    }
    let units = [(86_400, "d"), (3_600, "h"), (60, "min")];
    let unit = units.into_iter().find(|(length, _)| (step / 10_000_000).is_multiple_of(*length));
    let (length, name) = unit.unwrap_or((1, "s"));
    format!("{} {name}", seconds / length)
}

fn fill(state: &str) -> Fill {
    let (class, colour) = match state {
        "active" | ACTIVE_FOR_EVER => ("active", "#cfe3f7"),
        "preparing" | "issued" => ("preparing", "#fbe3a8"),
        "running" => ("running", "#a9d8a4"),
        "terminating" => ("terminating", "#f5b895"),
        "completed" => ("completed", "#d9d9de"),
        FAILED => ("failed", "#eec3c3"),
        _ => ("other", "#e8d5f2"),
    };
    Fill { class, colour, hatched: state == ACTIVE_FOR_EVER }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_its_beginning_and_its_end() {
        assert_eq!(shortened("task a", 20), "task a");
        let name = shortened("preparation on tvmps_0123456789abcdef_d", 30);
        assert_eq!(name, "preparation on tvmps_\u{2026}abcdef_d");
        assert!(name.chars().count() <= 30, "{name}");
    }

    #[test]
    fn the_scale_has_few_marks_at_any_length() {
        for span in [1, 3_000_000, 658_000_000, 36_000_000_000, 864_000_000_000_000] {
            let end = Timestamp::from_ticks(span).unwrap();
            let lanes = [Lane { name: "job <a>".into(), states: vec![(Timestamp::MIN, "active")] }];
            let timeline = Timeline { lanes: &lanes, start: Timestamp::MIN, end, width: WIDTH };
            let svg = timeline.draw();
            let marks = svg.matches("<line").count();
            assert!((1..=9).contains(&marks), "{span}: {marks}");
            assert!(svg.contains("job &lt;a&gt;"), "{svg}");
        }
    }
}
