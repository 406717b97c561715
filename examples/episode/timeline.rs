//! A picture of an episode: what became of its jobs, tasks and runs on nodes.

use azbatch::Timestamp;

use crate::{
    drawing::{
        history::History,
        timeline::{Timeline, WIDTH},
    },
    episode::{Episode, Outcome, Player, Step},
};

/// Replays the episode and draws what became of everything in it.
///
/// # Errors
/// Why a step of the episode did not go as it says.
pub fn draw(episode: &Episode) -> Result<String, String> {
    let mut player = Player::new(episode);
    let mut history = History::new(usize::MAX);
    for step in &episode.steps {
        match player.step(step) {
            Outcome::Failed(why) => return Err(why.to_string()),
            Outcome::Passed { effects } => {
                for effect in &effects {
                    history.record(player.account(), effect, step.at());
                }
            }
        }
    }
    let mut lanes = Vec::new();
    for job in player.account().jobs() {
        lanes.push(history.of_job(job));
        lanes.extend(job.tasks().map(|task| history.of_task(job, task)));
        lanes.extend(job.nodes().flat_map(|(id, node)| history.of_node(job, id, node)));
    }
    let times = || episode.steps.iter().map(Step::at);
    let (start, end) = times().min().zip(times().max()).ok_or("the episode has no steps")?;
    // Room for the last states to be read.
    let end = Timestamp::from_ticks(end.ticks() + (end.ticks() - start.ticks()) / 8).unwrap_or(end);
    Ok(Timeline { lanes: &lanes, start, end, width: WIDTH }.draw())
}
