//! Pictures as SVG, drawn piece by piece.
//!
//! Colours are attributes, which a style sheet overrides: each part has a class by which a page can give it a
//! colour for the dark.

#![allow(dead_code, reason = "no program that draws needs all of it")]

pub mod history;
pub mod timeline;

use std::fmt::{self, Display, Write};

/// Which end of a text is at its place.
#[derive(Clone, Copy)]
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

/// How an area is filled.
#[derive(Clone, Copy)]
pub struct Fill {
    /// The class by which a style sheet finds it.
    pub class: &'static str,
    pub colour: &'static str,
    /// Whether slanted lines are drawn over the colour.
    pub hatched: bool,
}

pub struct Picture {
    svg: String,
}

impl Picture {
    pub fn new(width: u64, height: u64) -> Self {
        let mut picture = Self { svg: String::new() };
        picture.element(format_args!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">"#
        ));
        picture.element(format_args!(r#"<rect class="paper" width="100%" height="100%" fill="white"/>"#));
        picture
    }

    /// Defines the lines that hatched areas have.
    pub fn define_hatching(&mut self) {
        self.element(format_args!(
            r##"<defs><pattern id="hatching" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="hatch" width="2.5" height="8" fill="#7aa7d3"/></pattern></defs>"##
        ));
    }

    fn element(&mut self, text: fmt::Arguments<'_>) {
        writeln!(self.svg, "{text}").expect("a String takes everything");
    }

    pub fn text(&mut self, (x, y): (u64, u64), anchor: Anchor, text: impl Display) {
        let (anchor, text) = (anchor.attribute(), escaped(text));
        self.element(format_args!(r#"<text x="{x}" y="{y}"{anchor}>{text}</text>"#));
    }

    /// A text that can be shorter than what it stands for: that shows when it is pointed at.
    pub fn name(&mut self, (x, y): (u64, u64), anchor: Anchor, text: &str, whole: &str) {
        if text == whole {
            return self.text((x, y), anchor, text);
        }
        let (anchor, text, whole) = (anchor.attribute(), escaped(text), escaped(whole));
        self.element(format_args!(r#"<text x="{x}" y="{y}"{anchor}>{text}<title>{whole}</title></text>"#));
    }

    /// A text beside what the picture shows, in another colour.
    pub fn note(&mut self, (x, y): (u64, u64), anchor: Anchor, colour: &str, text: impl Display) {
        let (anchor, text) = (anchor.attribute(), escaped(text));
        self.element(format_args!(r#"<text x="{x}" y="{y}"{anchor} fill="{colour}">{text}</text>"#));
    }

    /// A bar of a fixed height, with a title that shows when it is pointed at.
    pub fn bar(&mut self, (x, y): (u64, u64), width: u64, fill: Fill, title: impl Display) {
        let Fill { class, colour, hatched } = fill;
        let title = escaped(title);
        let shape = format!(r#"x="{x}" y="{y}" width="{width}" height="26" rx="3""#);
        self.element(format_args!(
            r##"<rect class="bar {class}" {shape} fill="{colour}" stroke="#777"><title>{title}</title></rect>"##
        ));
        if hatched {
            self.element(format_args!(r#"<rect {shape} fill="url(#hatching)" pointer-events="none"/>"#));
        }
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
        let (points, title) = (points.join(" "), escaped(title));
        self.element(format_args!(
            r#"<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"><title>{title}</title></polyline>"#
        ));
    }

    pub fn finish(mut self) -> String {
        self.element(format_args!("</svg>"));
        self.svg
    }
}

/// The text as it stands in XML.
fn escaped(text: impl Display) -> String {
    text.to_string().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
