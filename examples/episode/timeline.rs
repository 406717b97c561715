//! A picture of an episode: a lane for each job, task and run on a node, and its states over time.

use azbatch::{
    Account, Timestamp,
    job::{NodeRun, NodeRunState},
};

use crate::{
    drawing::{Anchor, Picture},
    episode::{Episode, Outcome, Player, Step},
};

/// A lane's name, and each state with the instant at which it began.
struct Lane {
    name: String,
    states: Vec<(Timestamp, &'static str)>,
}

const LEFT: u64 = 230;
const WIDTH: u64 = 760;
const LANE: u64 = 34;
const TOP: u64 = 40;

/// Replays the episode and draws what became of everything in it.
///
/// # Errors
/// Why a step of the episode did not go as it says.
pub fn draw(episode: &Episode) -> Result<String, String> {
    let mut player = Player::new(episode);
    let mut lanes: Vec<Lane> = Vec::new();
    for step in &episode.steps {
        if let Outcome::Failed(why) = player.step(step) {
            return Err(why);
        }
        for (name, state) in observe(player.account()) {
            let place = lanes.iter().position(|lane| lane.name == name).unwrap_or_else(|| {
                lanes.push(Lane { name, states: Vec::new() });
                lanes.len() - 1
            });
            let states = &mut lanes[place].states;
            if states.last().is_none_or(|(_, last)| *last != state) {
                states.push((step.at(), state));
            }
        }
    }
    let times = || episode.steps.iter().map(Step::at);
    let (start, end) = times().min().zip(times().max()).ok_or("the episode has no steps")?;
    // Room for the last states to be read.
    let end = Timestamp::from_ticks(end.ticks() + (end.ticks() - start.ticks()) / 8).unwrap_or(end);
    Ok(svg(&lanes, start, end))
}

/// Everything that has a state now, by name.
fn observe(account: &Account) -> Vec<(String, &'static str)> {
    let mut seen = Vec::new();
    for job in account.jobs() {
        seen.push((format!("job {}", job.id()), job.state().name().as_str()));
        for task in job.tasks() {
            seen.push((format!("task {}", task.id()), task.state().name().as_str()));
        }
        for (id, node) in job.nodes() {
            seen.extend(node.preparation().map(|run| (format!("preparation on {id}"), run_state(run))));
            seen.extend(node.release().map(|run| (format!("release on {id}"), run_state(run))));
        }
    }
    seen
}

fn run_state(run: &NodeRun) -> &'static str {
    match run.state {
        NodeRunState::Issued { .. } => "issued",
        NodeRunState::Running { .. } => "running",
        NodeRunState::Completed { .. } => "completed",
    }
}

fn colour(state: &str) -> &'static str {
    match state {
        "active" => "#cfe3f7",
        "preparing" | "issued" => "#fbe3a8",
        "running" => "#a9d8a4",
        "terminating" => "#f5b895",
        "completed" => "#d9d9de",
        _ => "#e8d5f2",
    }
}

fn svg(lanes: &[Lane], start: Timestamp, end: Timestamp) -> String {
    let span = (end.ticks() - start.ticks()).max(1);
    let x = |at: Timestamp| LEFT + (at.ticks() - start.ticks()) * WIDTH / span;
    let height = TOP + LANE * lanes.len() as u64 + 30;
    let mut picture = Picture::new(LEFT + WIDTH + 20, height);
    for (index, lane) in lanes.iter().enumerate() {
        let y = TOP + LANE * index as u64;
        picture.text((LEFT - 10, y + 18), Anchor::End, &lane.name);
        let ends = lane.states.iter().skip(1).map(|(at, _)| *at).chain([end]);
        for ((from, state), to) in lane.states.iter().zip(ends) {
            let (left, right) = (x(*from), x(to));
            let width = right - left;
            picture.bar((left, y), width, colour(state), format_args!("{state} from {from} to {to}"));
            if width > 8 * state.len() as u64 {
                picture.text((left + 5, y + 18), Anchor::Start, state);
            }
        }
    }
    let seconds = span / 10_000_000;
    for second in (0..=seconds).step_by(10) {
        let at = LEFT + second * 10_000_000 * WIDTH / span;
        picture.guide((at, TOP - 10), (at, height - 26));
        picture.note((at, height - 10), Anchor::Middle, "#555", format_args!("{second} s"));
    }
    picture.finish()
}
