//! Writes a source file so that it contains its mutants, each behind a switch.

use std::{collections::BTreeMap, ops::Range};

use proc_macro2::LineColumn;
use syn::{
    Arm, BinOp, Expr, ExprBinary, ExprStruct, ExprUnary, ImplItemConst, ImplItemFn, ItemConst, ItemFn,
    ItemStatic, TypeArray,
    spanned::Spanned,
    visit::{self, Visit},
};

use crate::mutants::{Genre, Lines, Mutant, Number};

/// A file with its mutants.
pub struct Instrumented {
    pub text: String,
    /// Where each mutant stands in it.
    pub places: Vec<(Range<usize>, Number)>,
    /// Where each piece of code with mutants stands in it.
    pub sites: Vec<(Range<usize>, Vec<Number>)>,
    /// Mutants for which there is no place.
    pub without_place: Vec<Number>,
    /// Mutants of what may be computed while compiling, when no switch is on.
    pub constant: Vec<Number>,
}

/// A mutant and what stands in place of what it replaces.
type Replacement = (Number, String);

/// A piece of code that has mutants.
struct Site {
    range: Range<usize>,
    shape: Shape,
    mutants: Vec<Replacement>,
}

enum Shape {
    /// At the start of a function: the mutants return at once.
    Body,
    /// The body of a function that returns an iterator without a name: all have to be of one type.
    IteratorBody,
    /// An expression: the mutants stand in its place.
    Expression,
    /// A guard of a match arm; the arm itself is off if this mutant is on.
    Guard { arm: Option<Number> },
    /// After the pattern of an arm without a guard: the arm is off if this mutant is on.
    Pattern { arm: Number },
}

/// # Errors
/// The source does not parse.
pub fn instrument(source: &str, mutants: &[(Number, &Mutant)]) -> syn::Result<Instrumented> {
    let file = syn::parse_file(source)?;
    let lines = Lines::new(source);
    let mut finder =
        Finder { source, lines: &lines, wanted: BTreeMap::new(), sites: Vec::new(), constants: Vec::new() };
    for (number, mutant) in mutants {
        let (start, end) = lines.range(mutant.span);
        if mutant.genre == Genre::FnValue {
            finder.body(start..end, *number, mutant);
        } else {
            let replacement = (*number, mutant.replacement.clone());
            finder.wanted.entry((start, end)).or_default().push((mutant.genre, replacement));
        }
    }
    finder.visit_file(&file);
    let without_place = finder.wanted.into_values().flatten().map(|(_, (number, _))| number).collect();
    let is_constant = |mutant: &Mutant| {
        let start = lines.range(mutant.span).0;
        finder.constants.iter().any(|constant| constant.contains(&start))
    };
    let constant =
        mutants.iter().filter(|(_, mutant)| is_constant(mutant)).map(|(number, _)| *number).collect();
    let mut sites = finder.sites;
    // What returns at once comes first, then outer before inner ones. The sort is stable: the outer was found first.
    sites.sort_by_key(|site| {
        (
            site.range.start,
            !matches!(site.shape, Shape::Body | Shape::IteratorBody),
            usize::MAX - site.range.end,
        )
    });
    let mut writer = Writer { source, text: String::new(), places: Vec::new(), sites: Vec::new() };
    let mut rest = sites.as_slice();
    writer.write(0..source.len(), &mut rest);
    Ok(Instrumented {
        text: writer.text,
        places: writer.places,
        sites: writer.sites,
        without_place,
        constant,
    })
}

/// Finds the code that the mutants replace.
struct Finder<'a> {
    source: &'a str,
    lines: &'a Lines<'a>,
    wanted: BTreeMap<(usize, usize), Vec<(Genre, Replacement)>>,
    sites: Vec<Site>,
    /// Constants, and functions that constants can call.
    constants: Vec<Range<usize>>,
}

impl Finder<'_> {
    fn range(&self, spanned: &impl Spanned) -> Range<usize> {
        let byte = |at: LineColumn| self.lines.byte(at.line, at.column);
        byte(spanned.span().start())..byte(spanned.span().end())
    }

    /// The mutants of a kind that replace this range.
    fn take(&mut self, range: &Range<usize>, genre: Genre) -> Vec<Replacement> {
        let Some(here) = self.wanted.get_mut(&(range.start, range.end)) else { return Vec::new() };
        let taken = here.extract_if(.., |(its, _)| *its == genre).map(|(_, mutant)| mutant).collect();
        if here.is_empty() {
            self.wanted.remove(&(range.start, range.end));
        }
        taken
    }

    fn body(&mut self, range: Range<usize>, number: Number, mutant: &Mutant) {
        let replacement = (number, mutant.replacement.clone());
        if !mutant.returns_iterator() {
            return self.add(range.start..range.start, Shape::Body, vec![replacement]);
        }
        match self.sites.last_mut().filter(|site| site.range == range) {
            Some(site) => site.mutants.push(replacement),
            None => self.add(range, Shape::IteratorBody, vec![replacement]),
        }
    }

    fn add(&mut self, range: Range<usize>, shape: Shape, mutants: Vec<Replacement>) {
        self.sites.push(Site { range, shape, mutants });
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_const(&mut self, item: &'ast ItemConst) {
        self.constants.push(self.range(item));
        visit::visit_item_const(self, item);
    }

    fn visit_impl_item_const(&mut self, item: &'ast ImplItemConst) {
        self.constants.push(self.range(item));
        visit::visit_impl_item_const(self, item);
    }

    fn visit_item_static(&mut self, item: &'ast ItemStatic) {
        self.constants.push(self.range(item));
        visit::visit_item_static(self, item);
    }

    fn visit_type_array(&mut self, array: &'ast TypeArray) {
        self.constants.push(self.range(&array.len));
        visit::visit_type_array(self, array);
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        if item.sig.constness.is_some() {
            self.constants.push(self.range(item));
        }
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        if item.sig.constness.is_some() {
            self.constants.push(self.range(item));
        }
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_expr_binary(&mut self, binary: &'ast ExprBinary) {
        let operator = self.range(&binary.op);
        // A chain with `let` knows no operator but `&&`: its mutants do not compile, and find no place here.
        let has_let = matches!(binary.op, BinOp::And(_)) && (is_let(&binary.left) || is_let(&binary.right));
        let mutants = if has_let { Vec::new() } else { self.take(&operator, Genre::BinaryOperator) };
        if !mutants.is_empty() {
            let whole = self.range(binary);
            let (left, right) =
                (&self.source[whole.start..operator.start], &self.source[operator.end..whole.end]);
            let mutants =
                mutants.into_iter().map(|(number, new)| (number, format!("{left}{new}{right}"))).collect();
            self.add(whole, Shape::Expression, mutants);
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_unary(&mut self, unary: &'ast ExprUnary) {
        let operator = self.range(&unary.op);
        let mutants = self.take(&operator, Genre::UnaryOperator);
        if !mutants.is_empty() {
            let whole = self.range(unary);
            let operand = &self.source[operator.end..whole.end];
            let mutants = mutants.into_iter().map(|(number, _)| (number, operand.to_owned())).collect();
            self.add(whole, Shape::Expression, mutants);
        }
        visit::visit_expr_unary(self, unary);
    }

    fn visit_arm(&mut self, arm: &'ast Arm) {
        let whole = self.range(arm);
        // The list may or may not count the comma.
        let arms: Vec<_> = (whole.end - 1..=whole.end + 1)
            .flat_map(|end| self.take(&(whole.start..end), Genre::MatchArm))
            .map(|(number, _)| number)
            .collect();
        match (&arm.guard, arms.first()) {
            (Some((_, guard)), arm) => {
                let range = self.range(guard.as_ref());
                let mutants = self.take(&range, Genre::MatchArmGuard);
                if arm.is_some() || !mutants.is_empty() {
                    self.add(range, Shape::Guard { arm: arm.copied() }, mutants);
                }
            }
            (None, Some(number)) => {
                let end = self.range(&arm.pat).end;
                self.add(end..end, Shape::Pattern { arm: *number }, Vec::new());
            }
            (None, None) => {}
        }
        visit::visit_arm(self, arm);
    }

    fn visit_expr_struct(&mut self, expression: &'ast ExprStruct) {
        let whole = self.range(expression);
        let mut mutants = Vec::new();
        for field in &expression.fields {
            let range = self.range(field);
            // The list may or may not count the comma.
            for end in [range.end, range.end + 1] {
                for (number, _) in self.take(&(range.start..end), Genre::StructField) {
                    let rest = self.source[range.end..whole.end].trim_start();
                    let rest = rest.strip_prefix(',').unwrap_or(rest);
                    mutants.push((number, format!("{}{rest}", &self.source[whole.start..range.start])));
                }
            }
        }
        if !mutants.is_empty() {
            self.add(whole, Shape::Expression, mutants);
        }
        visit::visit_expr_struct(self, expression);
    }
}

/// Whether an operand of `&&` is a `let`, or a chain that has one.
fn is_let(operand: &Expr) -> bool {
    match operand {
        Expr::Let(_) => true,
        Expr::Binary(ExprBinary { op: BinOp::And(_), left, right, .. }) => is_let(left) || is_let(right),
        _ => false,
    }
}

struct Writer<'a> {
    source: &'a str,
    text: String,
    places: Vec<(Range<usize>, Number)>,
    sites: Vec<(Range<usize>, Vec<Number>)>,
}

impl Writer<'_> {
    /// Writes a range of the source with the sites in it, which are the next ones.
    fn write(&mut self, range: Range<usize>, sites: &mut &[Site]) {
        let mut at = range.start;
        while let Some((site, rest)) = sites.split_first()
            && site.range.end <= range.end
            && site.range.start >= at
        {
            self.text.push_str(&self.source[at..site.range.start]);
            *sites = rest;
            self.site(site, sites);
            at = site.range.end;
        }
        self.text.push_str(&self.source[at..range.end]);
    }

    fn site(&mut self, site: &Site, inner: &mut &[Site]) {
        let start = self.text.len();
        let mut numbers: Vec<_> = site.mutants.iter().map(|(number, _)| *number).collect();
        match site.shape {
            Shape::Body => {
                for (number, value) in &site.mutants {
                    self.text.push_str(&format!("if ::mutant_switch::on({number}) {{ return "));
                    self.mutant(*number, value);
                    self.text.push_str("; }\n");
                }
            }
            Shape::IteratorBody => self.iterators(site, inner),
            Shape::Expression => self.alternatives(site, inner),
            Shape::Guard { arm } => {
                if let Some(number) = arm {
                    self.text.push_str(&format!("!::mutant_switch::on({number}) && "));
                    numbers.push(number);
                }
                self.alternatives(site, inner);
            }
            Shape::Pattern { arm } => {
                self.text.push_str(&format!(" if !::mutant_switch::on({arm})"));
                numbers.push(arm);
            }
        }
        self.sites.push((start..self.text.len(), numbers));
    }

    /// `(if on(1) { mutant } else if on(2) { mutant } else { original })`
    fn alternatives(&mut self, site: &Site, inner: &mut &[Site]) {
        self.text.push('(');
        for (number, code) in &site.mutants {
            self.text.push_str(&format!("if ::mutant_switch::on({number}) {{ "));
            self.mutant(*number, code);
            self.text.push_str(" } else ");
        }
        self.text.push_str("{ ");
        self.write(site.range.clone(), inner);
        self.text.push_str(" })");
    }

    /// `if on(1) { Left(mutant) } else { Right( if on(2) { Left(mutant) } else { Right({ original }) } ) }`
    fn iterators(&mut self, site: &Site, inner: &mut &[Site]) {
        for (number, code) in &site.mutants {
            self.text
                .push_str(&format!("if ::mutant_switch::on({number}) {{ ::mutant_switch::Either::Left("));
            self.mutant(*number, code);
            self.text.push_str(") } else { ::mutant_switch::Either::Right(");
        }
        self.text.push_str("{ ");
        self.write(site.range.clone(), inner);
        self.text.push_str(" }");
        self.text.push_str(&") }".repeat(site.mutants.len()));
    }

    fn mutant(&mut self, number: Number, code: &str) {
        let start = self.text.len();
        self.text.push_str(code);
        self.places.push((start..self.text.len(), number));
    }
}
