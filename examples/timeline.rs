//! Draws how a job ends, from an episode that is replayed: the picture in the README.
//!
//! `cargo run --example timeline > examples/episodes/how-a-job-ends.svg` makes it again.

#[path = "drawing/mod.rs"]
mod drawing;
#[path = "episode/mod.rs"]
mod episode;
#[path = "episode/timeline.rs"]
mod timeline;

use episode::Episode;

fn main() -> Result<(), String> {
    let episode = Episode::parse(include_str!("episodes/how-a-job-ends.json"))?;
    print!("{}", timeline::draw(&episode)?);
    Ok(())
}
