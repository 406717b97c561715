//! Measures everything that `benches/README.md` shows, and writes its tables and its plot again.
//!
//! `cargo run --example measure` takes some minutes. Nothing else should be running. With `--plot` it measures
//! nothing, and draws the plot again from the page.

mod divan;
#[path = "../drawing/mod.rs"]
mod drawing;
mod growth;
mod tables;

use std::{env, error::Error, fs, process::Command};

const PAGE: &str = "benches/README.md";
const PLOT: &str = "benches/growth.svg";

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    env::set_current_dir(env!("CARGO_MANIFEST_DIR"))?;
    let mut page = fs::read_to_string(PAGE)?;
    if env::args().any(|argument| argument == "--plot") {
        fs::write(PLOT, growth::draw(&page)?)?;
        return Ok(());
    }
    let target = env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned());
    let peers = ["--manifest-path", "benches/peers/Cargo.toml", "--target-dir", &format!("{target}/peers")];
    let mut measured = divan::read(&bench(&peers)?);
    measured.extend(divan::read(&bench(&["-p", "azbatch", "--features", "serde"])?));
    let sections = [
        ("machine", machine()?),
        ("targets", tables::targets(&measured)?),
        ("growth", tables::growth(&measured)?),
        ("peers", tables::peers(&measured)?),
    ];
    for (name, content) in &sections {
        page = replace(&page, name, content)?;
    }
    fs::write(PLOT, growth::draw(&page)?)?;
    fs::write(PAGE, page)?;
    println!("wrote {PAGE} and {PLOT}");
    Ok(())
}

/// What the benches print. Their progress, and why they fail, goes where this program's goes.
fn bench(arguments: &[&str]) -> Result<String, Failure> {
    let mut command = Command::new(env!("CARGO"));
    command.arg("bench").args(arguments).stderr(std::process::Stdio::inherit());
    let done = command.output()?;
    if !done.status.success() {
        return Err(format!("cargo bench {}: {}", arguments.join(" "), done.status).into());
    }
    Ok(String::from_utf8(done.stdout)?)
}

/// On what it was measured.
fn machine() -> Result<String, Failure> {
    let cpus = fs::read_to_string("/proc/cpuinfo")?;
    let model =
        cpus.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    let cores = std::thread::available_parallelism()?;
    let rustc = Command::new("rustc").arg("--version").output()?;
    let rustc = String::from_utf8(rustc.stdout)?;
    Ok(format!("Measured on {cores} cores of a shared virtual machine ({model}), with {}.\n", rustc.trim()))
}

/// The page with another content between the marks of a section.
fn replace(page: &str, name: &str, content: &str) -> Result<String, Failure> {
    let (begin, end) =
        (format!("<!-- {name}: written by the measurement -->\n"), format!("<!-- end of {name} -->"));
    let (before, rest) = page.split_once(&begin).ok_or_else(|| format!("no section {name}"))?;
    let (_, after) = rest.split_once(&end).ok_or_else(|| format!("no end of section {name}"))?;
    Ok(format!("{before}{begin}\n{content}\n{end}{after}"))
}
