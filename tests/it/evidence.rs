//! The rules of `src/evidence.md` and the places that cite them: every id that a comment cites is a
//! rule, and every rule is cited where the code decides it and where a test shows it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The letters that rules begin with; those of the table of requests and states begin with `R-`. Each
/// section of the document has one of them or more, and `the_document_is_read_whole` fails for a section
/// that has none.
const LETTERS: [char; 17] =
    ['S', 'T', 'E', 'F', 'X', 'L', 'N', 'K', 'G', 'P', 'I', 'H', 'B', 'Q', 'W', 'U', 'V'];

/// The rules, as the document has them.
#[derive(Default)]
pub(crate) struct Rules {
    /// Such as `E3`, with the kind.
    pub(crate) single: BTreeMap<String, String>,
    /// The rows of the table of requests and states.
    requests: Vec<String>,
    /// Its columns.
    states: Vec<String>,
}

impl Rules {
    pub(crate) fn read() -> Self {
        let mut rules = Self::default();
        let mut in_requests = false;
        for line in fs::read_to_string(root().join("src/evidence.md")).unwrap().lines() {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(without_anchor).collect();
            if !line.starts_with('|') {
                in_requests = false;
            } else if cells[0] == "request" {
                in_requests = true;
                rules.states = cells[1..].iter().map(ToString::to_string).collect();
            } else if in_requests && !cells[0].starts_with('-') {
                assert_eq!(cells.len(), rules.states.len() + 1, "{line}");
                rules.requests.push(cells[0].into());
            } else if is_id(cells[0]) {
                let old = rules.single.insert(cells[0].into(), cells[1].into());
                assert_eq!(old, None, "{} stands twice", cells[0]);
            }
        }
        rules
    }

    /// Every rule that a cited id stands for: one, or those of a row or column. None if there is no such.
    pub(crate) fn named_by(&self, cited: &str) -> BTreeSet<String> {
        let Some(pair) = cited.strip_prefix("R-") else {
            return self.single.contains_key(cited).then(|| cited.to_string()).into_iter().collect();
        };
        let fits = |pattern: &str, name: &str| pattern == "*" || pattern == name;
        let Some((request, state)) = pair.rsplit_once('-') else { return BTreeSet::new() };
        self.pairs()
            .filter(|(row, column)| fits(request, row) && fits(state, column))
            .map(|(row, column)| format!("R-{row}-{column}"))
            .collect()
    }

    fn pairs(&self) -> impl Iterator<Item = (&String, &String)> {
        self.requests.iter().flat_map(|row| self.states.iter().map(move |column| (row, column)))
    }

    fn all(&self) -> BTreeSet<String> {
        let pairs = self.pairs().map(|(row, column)| format!("R-{row}-{column}"));
        self.single.keys().cloned().chain(pairs).collect()
    }
}

/// A cell without the anchor that links lead to.
fn without_anchor(cell: &str) -> &str {
    let cell = cell.trim();
    cell.split_once("</a>").map_or(cell, |(_, text)| text)
}

/// A letter of the rules and a number of one or two digits that does not begin with 0.
fn is_id(word: &str) -> bool {
    let Some(number) = word.strip_prefix(LETTERS) else { return false };
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    digits && matches!(number.len(), 1 | 2) && !number.starts_with('0')
}

/// The ids in a comment: whole words alone, so that no other word, number or path is taken for one.
fn ids(comment: &str) -> Vec<String> {
    let is_part =
        |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '*' | '/' | '\\' | '\'');
    let mut found = Vec::new();
    for word in comment.split(|letter: char| !is_part(letter)) {
        if word.strip_prefix("R-").is_some_and(|pair| !pair.is_empty()) {
            found.push(word.to_string());
        } else if word.split(['-', '/']).all(is_id) {
            found.extend(word.split(['-', '/']).map(ToString::to_string));
        }
    }
    found
}

/// What a line says in a comment: all behind two slashes that begin the line or follow a space.
fn comment(line: &str) -> &str {
    let line = line.trim_start();
    let start = if line.starts_with("//") { Some(0) } else { line.find(" // ") };
    start.map_or("", |start| &line[start..])
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file under a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// One citation: where, of what, and whether a test cites it.
struct Citation {
    place: String,
    id: String,
    in_test: bool,
}

/// Every citation of the tree. In `src` all that follows a file's `mod tests` is a test too, and so is
/// a file of that name.
fn citations() -> Vec<Citation> {
    let mut found = Vec::new();
    for folder in ["src", "tests"] {
        for path in sources(&root().join(folder)) {
            let mut in_test = folder == "tests" || path.ends_with("tests.rs");
            for (number, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
                in_test |= line == "mod tests {";
                let place = format!("{}:{}", path.strip_prefix(root()).unwrap().display(), number + 1);
                let cited = ids(comment(line)).into_iter();
                found.extend(cited.map(|id| Citation { place: place.clone(), id, in_test }));
            }
        }
    }
    found
}

#[test]
fn the_document_is_read_whole() {
    let rules = Rules::read();
    let letters: BTreeSet<char> = rules.single.keys().filter_map(|id| id.chars().next()).collect();
    assert_eq!(letters, BTreeSet::from(LETTERS));
    // Counted without the reader above: the first cell of each row of a table with the columns id, kind
    // and rule. A section whose letter is missing among the letters would be passed over otherwise.
    let text = fs::read_to_string(root().join("src/evidence.md")).unwrap();
    let mut sections: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut section = "";
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title;
            sections.insert(section, Vec::new());
        } else if let Some((_, row)) = line.strip_prefix("| <a id=\"").and_then(|row| row.split_once("</a>"))
        {
            sections.get_mut(section).unwrap().push(row.split('|').next().unwrap().trim());
        }
    }
    for (section, rows) in &sections {
        assert!(!rows.is_empty(), "section {section} has no rules");
        for id in rows {
            let read = rules.single.contains_key(*id) || rules.requests.iter().any(|request| request == id);
            assert!(read, "rule {id} of section {section} is not read");
        }
    }
    let rows: usize = sections.values().map(Vec::len).sum();
    assert_eq!(rows, rules.single.len() + rules.requests.len());
    assert_eq!((rules.requests.len(), rules.states.len()), (13, 7));
    for letter in LETTERS {
        let numbers: BTreeSet<usize> = rules
            .single
            .keys()
            .filter_map(|id| id.strip_prefix(letter))
            .map(|number| number.parse().unwrap())
            .collect();
        assert_eq!(numbers, (1..=numbers.len()).collect(), "the rules {letter} leave out a number");
    }
    for (id, kind) in &rules.single {
        assert!(!kind.is_empty() && kind.chars().all(|kind| "ODCA".contains(kind)), "{id} is of kind {kind}");
    }
}

/// The numbers that the document opens with.
#[test]
fn the_document_counts_its_rules() {
    let rules = Rules::read();
    let kinds: Vec<&str> = rules.single.values().map(String::as_str).collect();
    let with = |letter| kinds.iter().filter(|kind| kind.contains(letter)).count();
    let assumed = kinds.iter().filter(|kind| **kind == "A").count();
    let line = format!(
        "There are {} rules, and {} cells in the table of requests by job state. Of the rules, {} are \
         observed, {} documented and {} relied on by clients, each at least in part; {} are only assumed.",
        kinds.len(),
        rules.pairs().count(),
        with('O'),
        with('D'),
        with('C'),
        assumed
    );
    let text = fs::read_to_string(root().join("src/evidence.md")).unwrap();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(&text).contains(&line), "the document should say: {line}");
}

/// The ids of all anchors of the document, in its order.
fn anchors(text: &str) -> Vec<String> {
    let starts = text.split("<a id=\"").skip(1);
    starts.map(|rest| rest.split_once("\"></a>").expect("an anchor is empty and closed").0.into()).collect()
}

/// Every rule has one anchor, in front of its own id, so that links lead to it.
#[test]
fn every_rule_has_one_anchor() {
    let text = fs::read_to_string(root().join("src/evidence.md")).unwrap();
    let rules = Rules::read();
    let single = rules.single.keys().map(|id| id.to_lowercase());
    let rows = rules.requests.iter().map(|request| format!("r-{request}"));
    let expected: BTreeSet<String> = single.chain(rows).collect();
    let found = anchors(&text);
    let missing: Vec<&String> = expected.iter().filter(|id| !found.contains(id)).collect();
    assert!(missing.is_empty(), "no anchors: {missing:?}");
    assert_eq!(found.len(), expected.len(), "an anchor stands twice or is of no rule");
    for line in text.lines().filter(|line| line.contains("<a id=")) {
        let row = line.strip_prefix("| <a id=\"").and_then(|row| row.split_once("\"></a>"));
        let (anchor, rest) = row.unwrap_or_else(|| panic!("the anchor does not begin the row: {line}"));
        let id = rest.split(" |").next().unwrap_or_default().to_lowercase();
        assert!(anchor == id || anchor == format!("r-{id}"), "the anchor {anchor} is before {id}");
    }
}

#[test]
fn ids_are_found_and_nothing_else() {
    for (line, expected) in [
        ("// E3", vec!["E3"]),
        ("    x(); // T5, T6: as K10 says", vec!["T5", "T6", "K10"]),
        ("/// It ends (E2, G2).", vec!["E2", "G2"]),
        ("//! X1..X4 and N1-N5 and E1/E2", vec!["X1", "X4", "N1", "N5", "E1", "E2"]),
        ("// R-*-active, R-terminate-force-completed.", vec!["R-*-active", "R-terminate-force-completed"]),
        ("// R-<request>-<state>", vec![]),
        ("/// `W/\"...\"`, T0, V2016, F64x, U+E000, 0xE1, 0x8D7CD3DD39024F5, E0277, WE1, e1, E1_x", vec![]),
        ("/// PT15M, 2020-03-21T02:16:12Z, P1D", vec![]),
        ("let url = \"https://E1\";", vec![]),
        ("fn e1<T1>(x: T1) -> E1 {", vec![]),
    ] {
        assert_eq!(ids(comment(line)), expected, "{line}");
    }
}

#[test]
fn every_cited_rule_exists() {
    let rules = Rules::read();
    let unknown: Vec<String> = citations()
        .iter()
        .filter(|citation| rules.named_by(&citation.id).is_empty())
        .map(|citation| format!("{} cites {}", citation.place, citation.id))
        .collect();
    assert!(unknown.is_empty(), "no such rules:\n{}", unknown.join("\n"));
}

#[test]
fn every_rule_is_cited_in_the_code_and_in_a_test() {
    let rules = Rules::read();
    let citations = citations();
    let mut missing = Vec::new();
    for (in_test, place) in [(false, "the code"), (true, "a test")] {
        let cited = citations.iter().filter(|citation| citation.in_test == in_test);
        let cited: BTreeSet<String> = cited.flat_map(|citation| rules.named_by(&citation.id)).collect();
        missing.extend(rules.all().difference(&cited).map(|id| format!("{id} in {place}")));
    }
    assert!(missing.is_empty(), "not cited:\n{}", missing.join("\n"));
}

/// A link from the docs leads to the rule that its text names, and rustdoc does not look at anchors.
#[test]
fn links_lead_to_the_rule_that_they_name() {
    let page = fs::read_to_string(root().join("src/evidence.md")).unwrap();
    let mut links = 0;
    for file in sources(&root().join("src")) {
        let text = fs::read_to_string(&file).unwrap();
        for (place, middle) in text.match_indices("](crate::evidence#") {
            let id = text[..place].rsplit('[').next().unwrap();
            let anchor = text[place + middle.len()..].split(')').next().unwrap();
            assert_eq!(anchor, id.to_lowercase(), "{}", file.display());
            assert!(page.contains(&format!("<a id=\"{anchor}\"></a>{id} |")), "{}: {id}", file.display());
            links += 1;
        }
    }
    assert!(links > 200, "only {links} links are there");
}
