//! The picture in the README is what the replayed episode gives.

use crate::{episode, picture};

#[test]
fn the_picture_is_fresh() {
    let episode = include_str!("../../examples/episodes/how-a-job-ends.json");
    let picture = picture::draw(&episode::Episode::parse(episode).unwrap()).unwrap();
    assert!(
        picture == include_str!("../../examples/episodes/how-a-job-ends.svg"),
        "cargo run --example timeline > examples/episodes/how-a-job-ends.svg"
    );
}
