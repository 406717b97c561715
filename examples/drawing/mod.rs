//! Pictures as SVG, drawn piece by piece.

use std::fmt::{self, Display, Write};

/// Which end of a text is at its place.
#[derive(Clone, Copy)]
#[allow(dead_code, reason = "no picture needs all of them")]
pub enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    fn attribute(self) -> &'static str {
        match self {
            Self::Start => "",
            Self::Middle => r#" text-anchor="middle""#,
            Self::End => r#" text-anchor="end""#,
        }
    }
}

pub struct Picture {
    svg: String,
}

#[allow(dead_code, reason = "no picture needs all of them")]
impl Picture {
    pub fn new(width: u64, height: u64) -> Self {
        let mut picture = Self { svg: String::new() };
        picture.element(format_args!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">"#
        ));
        picture.element(format_args!(r#"<rect width="100%" height="100%" fill="white"/>"#));
        picture
    }

    fn element(&mut self, text: fmt::Arguments<'_>) {
        writeln!(self.svg, "{text}").expect("a String takes everything");
    }

    pub fn text(&mut self, (x, y): (u64, u64), anchor: Anchor, text: impl Display) {
        let anchor = anchor.attribute();
        self.element(format_args!(r#"<text x="{x}" y="{y}"{anchor}>{text}</text>"#));
    }

    /// A text beside what the picture shows, in another colour.
    pub fn note(&mut self, (x, y): (u64, u64), anchor: Anchor, colour: &str, text: impl Display) {
        let anchor = anchor.attribute();
        self.element(format_args!(r#"<text x="{x}" y="{y}"{anchor} fill="{colour}">{text}</text>"#));
    }

    /// A bar of a fixed height, with a title that shows when it is pointed at.
    pub fn bar(&mut self, (x, y): (u64, u64), width: u64, fill: &str, title: impl Display) {
        self.element(format_args!(
            r##"<rect x="{x}" y="{y}" width="{width}" height="26" rx="3" fill="{fill}" stroke="#777"><title>{title}</title></rect>"##
        ));
    }

    /// A dashed line that helps the eye.
    pub fn guide(&mut self, (x1, y1): (u64, u64), (x2, y2): (u64, u64)) {
        self.element(format_args!(
            r##"<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="#bbb" stroke-dasharray="2 3"/>"##
        ));
    }

    /// A line through points, with a title that shows when it is pointed at.
    pub fn curve(&mut self, points: &[(u64, u64)], colour: &str, title: impl Display) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x},{y}")).collect();
        let points = points.join(" ");
        self.element(format_args!(
            r#"<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"><title>{title}</title></polyline>"#
        ));
    }

    pub fn finish(mut self) -> String {
        self.element(format_args!("</svg>"));
        self.svg
    }
}
