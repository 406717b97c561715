//! The picture in the README is what the replayed episode gives, and the plot what the measured figures give.

use crate::{episode, growth, picture};

#[test]
fn the_picture_is_fresh() {
    let episode = include_str!("../../examples/episodes/how-a-job-ends.json");
    let picture = picture::draw(&episode::Episode::parse(episode).unwrap()).unwrap();
    assert!(
        picture == include_str!("../../examples/episodes/how-a-job-ends.svg"),
        "cargo run --example timeline > examples/episodes/how-a-job-ends.svg"
    );
}

#[test]
fn the_plot_of_growth_is_fresh() {
    let plot = growth::draw(include_str!("../../benches/README.md")).unwrap();
    assert!(plot == include_str!("../../benches/growth.svg"), "cargo run --example measure");
}
