//! A chart of counts over days as SVG: stacked areas, a line, dates that are marked. It knows nothing of hubs and reads no
//! clock, and computes in whole numbers, so that the same counts make the same bytes everywhere. The picture needs no
//! script, no style sheet and no font of its own; whoever cannot see it is told its title and what it shows.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::output::visible;

/// Width of the picture, in units of the drawing.
const WIDTH: i64 = 960;

/// Where the plot begins and ends, left and right; the legend stands to the right of it.
const PLOT_X: (i64, i64) = (64, 700);

/// Height of the plot.
const PLOT_HEIGHT: i64 = 320;

/// Space above everything, for the title.
const HEAD: i64 = 44;

/// Height of one line of text.
const LINE: i64 = 18;

/// Coordinates are written with one decimal.
const TENTHS: i64 = 10;

/// Most intervals between the dates on the axis.
const DATES_MAX: usize = 6;

/// Most intervals between the counts on the axis.
const COUNTS_MAX: u64 = 5;

/// One area of the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Area {
    /// What it counts.
    pub name: String,
    /// Its colour, as SVG spells it.
    pub colour: &'static str,
    /// One count for each instant of the chart.
    pub counts: Vec<u64>,
}

/// An instant that is marked by a dashed line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Where it stands.
    pub at: DateTime<Utc>,
    /// What it says.
    pub label: String,
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// Title.
    pub title: String,
    /// What the picture shows, in sentences, for those who cannot see it.
    pub description: String,
    /// The instants that are counted at, in order and equally far from each other.
    pub times: Vec<DateTime<Utc>>,
    /// The zone of the dates on the axis.
    pub zone: Tz,
    /// From the bottom to the top.
    pub areas: Vec<Area>,
    /// Name and counts of the line that is drawn over the areas.
    pub line: (String, Vec<u64>),
    /// Those outside the times are left out.
    pub marks: Vec<Mark>,
}

/// Places in the picture.
struct Scale {
    /// Intervals between the instants; at least one.
    intervals: i64,
    /// The count at the top of the plot; at least one.
    top: u64,
    /// Where the plot begins.
    plot_y: i64,
}

impl Scale {
    /// Tenths from the left, of the instant with this number.
    fn x(&self, number: usize) -> i64 {
        let number = i64::try_from(number).unwrap_or(self.intervals);
        PLOT_X.0 * TENTHS + (PLOT_X.1 - PLOT_X.0) * TENTHS * number / self.intervals
    }

    /// Tenths from the top, of a count.
    fn y(&self, count: u64) -> i64 {
        let height = u128::from(PLOT_HEIGHT.unsigned_abs() * TENTHS.unsigned_abs());
        // At most the height: no count is above the top.
        let up = u128::from(count.min(self.top)) * height / u128::from(self.top);
        (self.plot_y + PLOT_HEIGHT) * TENTHS - i64::try_from(up).unwrap_or_default()
    }

    fn bottom(&self) -> i64 {
        self.plot_y + PLOT_HEIGHT
    }
}

/// Tenths as a decimal number.
fn tenths(value: i64) -> String {
    match value % TENTHS {
        0 => (value / TENTHS).to_string(),
        rest => format!("{}.{rest}", value / TENTHS),
    }
}

/// Text as it may stand in SVG: nothing in it is markup, and nothing in it is hidden.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // Not characters of XML.
            '\u{FFFE}' | '\u{FFFF}' => safe.push('\u{FFFD}'),
            _ => safe.push(c),
        }
    }
    safe
}

/// The distance between the counts on the axis: 1, 2 or 5 with zeros, so that few are needed.
fn step(most: u64) -> u64 {
    let mut unit = 1_u64;
    loop {
        for factor in [1, 2, 5] {
            let step = unit.saturating_mul(factor);
            if most.div_ceil(step) <= COUNTS_MAX {
                return step;
            }
        }
        unit = unit.saturating_mul(10);
    }
}

/// The corners of a line through `heights`, without those that lie between equal ones.
fn corners(scale: &Scale, heights: &[u64]) -> Vec<String> {
    let between = |number: usize| {
        let before = number.checked_sub(1).and_then(|before| heights.get(before));
        before == heights.get(number) && heights.get(number + 1) == heights.get(number)
    };
    let kept = heights.iter().enumerate().filter(|(number, _)| !between(*number));
    kept.map(|(number, height)| format!("{},{}", tenths(scale.x(number)), tenths(scale.y(*height)))).collect()
}

/// One text of the picture.
fn text(x: i64, y: i64, anchor: &str, words: &str) -> String {
    format!("<text x=\"{}\" y=\"{y}\" text-anchor=\"{anchor}\">{}</text>\n", tenths(x), escaped(words))
}

impl Chart {
    /// The chart as an SVG document.
    pub fn svg(&self) -> String {
        let marks = self.places_of_marks();
        let lines = i64::try_from(marks.len()).unwrap_or_default();
        let most = (0..self.times.len()).map(|number| self.stacked(self.areas.len(), number)).max().unwrap_or_default();
        let most = most.max(self.line.1.iter().copied().max().unwrap_or_default()).max(1);
        let step = step(most);
        let scale = Scale {
            intervals: i64::try_from(self.times.len().saturating_sub(1)).unwrap_or(i64::MAX).max(1),
            top: most.div_ceil(step).saturating_mul(step),
            plot_y: HEAD + LINE * lines + LINE / 2,
        };
        let height = scale.bottom() + 3 * LINE;
        let (title, description) = (escaped(&self.title), escaped(&self.description));
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
             aria-labelledby=\"title desc\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#222222\">\n\
             <title id=\"title\">{title}</title>\n<desc id=\"desc\">{description}</desc>\n\
             <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
             <text x=\"{}\" y=\"26\" font-size=\"17\">{title}</text>\n",
            PLOT_X.0
        );
        svg.push_str(&self.stack(&scale));
        svg.push_str(&self.axes(&scale, step));
        let line = corners(&scale, &self.line.1).join(" ");
        svg.push_str(&format!("<polyline points=\"{line}\" fill=\"none\" stroke=\"#222222\" stroke-width=\"2\"/>\n"));
        // A line of text for each, the lines of all below the texts of all.
        let below = |number: i64| HEAD + LINE * (number + 1);
        svg.extend((0..).zip(&marks).map(|(number, (x, _))| dashed(&scale, *x, below(number))));
        svg.extend((0..).zip(&marks).map(|(number, (x, words))| label(*x, below(number), words)));
        svg.push_str(&self.legend(&scale));
        svg.push_str("</svg>\n");
        svg
    }

    /// How high the first `areas` areas reach together.
    fn stacked(&self, areas: usize, number: usize) -> u64 {
        let counts = self.areas.iter().take(areas).filter_map(|area| area.counts.get(number));
        counts.fold(0, |sum, count| sum.saturating_add(*count))
    }

    fn heights(&self, areas: usize) -> Vec<u64> {
        (0..self.times.len()).map(|number| self.stacked(areas, number)).collect()
    }

    /// The areas that have anything in them; one instant alone has no area.
    fn stack(&self, scale: &Scale) -> String {
        let mut drawn = String::new();
        for (number, area) in self.areas.iter().enumerate().filter(|(_, area)| area.counts.iter().any(|c| *c > 0)) {
            let mut points = corners(scale, &self.heights(number + 1));
            points.extend(corners(scale, &self.heights(number)).into_iter().rev());
            drawn.push_str(&format!("<polygon points=\"{}\" fill=\"{}\"/>\n", points.join(" "), area.colour));
        }
        drawn
    }

    fn axes(&self, scale: &Scale, step: u64) -> String {
        let mut drawn = String::new();
        for count in (0..=scale.top / step).map(|steps| steps.saturating_mul(step)) {
            let y = scale.y(count);
            drawn.push_str(&format!(
                "<line x1=\"{}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\" stroke=\"#222222\" stroke-opacity=\"0.2\"/>\n",
                PLOT_X.0,
                PLOT_X.1,
                y = tenths(y)
            ));
            drawn.push_str(&text((PLOT_X.0 - 8) * TENTHS, y / TENTHS + 4, "end", &count.to_string()));
        }
        let days = self.times.len().saturating_sub(1).div_ceil(DATES_MAX).max(1);
        for (number, at) in self.times.iter().enumerate().step_by(days) {
            let x = scale.x(number);
            drawn.push_str(&format!(
                "<line x1=\"{x}\" x2=\"{x}\" y1=\"{}\" y2=\"{}\" stroke=\"#222222\"/>\n",
                scale.bottom(),
                scale.bottom() + 5,
                x = tenths(x)
            ));
            drawn.push_str(&text(x, scale.bottom() + LINE + 2, "middle", &self.date(*at)));
        }
        let zone = format!("dates in {}", self.zone.name());
        drawn + &text((PLOT_X.0 + PLOT_X.1) * TENTHS / 2, scale.bottom() + 2 * LINE + 4, "middle", &zone)
    }

    fn date(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.zone).date_naive().to_string()
    }

    /// The marks between the first and the last instant, and how many tenths from the left.
    fn places_of_marks(&self) -> Vec<(i64, &str)> {
        let (Some(first), Some(last)) = (self.times.first(), self.times.last()) else { return Vec::new() };
        let whole = i128::from((*last - *first).num_milliseconds()).max(1);
        let place = |mark: &Mark| {
            let width = i128::from((PLOT_X.1 - PLOT_X.0) * TENTHS);
            let right = i128::from((mark.at - *first).num_milliseconds()) * width / whole;
            PLOT_X.0 * TENTHS + i64::try_from(right).unwrap_or_default()
        };
        let within = self.marks.iter().filter(|mark| *first <= mark.at && mark.at <= *last);
        within.map(|mark| (place(mark), mark.label.as_str())).collect()
    }

    fn legend(&self, scale: &Scale) -> String {
        let x = PLOT_X.1 + 24;
        let mut y = scale.plot_y + LINE;
        let mut drawn = format!(
            "<line x1=\"{x}\" x2=\"{}\" y1=\"{line}\" y2=\"{line}\" stroke=\"#222222\" stroke-width=\"2\"/>\n",
            x + 12,
            line = y - 4
        );
        drawn.push_str(&text((x + 20) * TENTHS, y, "start", &self.line.0));
        // In the order in which the eye meets them.
        for area in self.areas.iter().rev().filter(|area| area.counts.iter().any(|count| *count > 0)) {
            y += LINE;
            let colour = area.colour;
            let square = y - 10;
            drawn.push_str(&format!("<rect x=\"{x}\" y=\"{square}\" width=\"12\" height=\"12\" fill=\"{colour}\"/>\n"));
            drawn.push_str(&text((x + 20) * TENTHS, y, "start", &area.name));
        }
        drawn
    }
}

/// A dashed line at `x`, from `y` down.
fn dashed(scale: &Scale, x: i64, y: i64) -> String {
    format!(
        "<line x1=\"{x}\" x2=\"{x}\" y1=\"{}\" y2=\"{}\" stroke=\"#b00020\" stroke-width=\"1.5\" \
         stroke-dasharray=\"6 4\"/>\n",
        y - LINE / 2,
        scale.bottom(),
        x = tenths(x)
    )
}

/// The label of the line at `x`, on the side where there is room, and legible where it crosses other lines.
fn label(x: i64, y: i64, words: &str) -> String {
    let left = x > (PLOT_X.0 + PLOT_X.1) * TENTHS / 2;
    let (x, anchor) = if left { (x - 6 * TENTHS, "end") } else { (x + 6 * TENTHS, "start") };
    let words = text(x, y, anchor, words);
    format!("<g stroke=\"#ffffff\" stroke-width=\"4\" paint-order=\"stroke\">\n{words}</g>\n")
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn day(number: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + number * 86_400, 0).expect("an instant")
    }

    fn chart(counts: &[u64], marks: &[DateTime<Utc>]) -> Chart {
        Chart {
            title: "<script>\"R & D\"</script>\u{1b}".to_owned(),
            description: "it's".to_owned(),
            times: (0..).zip(counts).map(|(number, _)| day(number)).collect(),
            zone: Tz::UTC,
            areas: vec![Area { name: "a < b".to_owned(), colour: "#123456", counts: counts.to_vec() }],
            line: ("left".to_owned(), counts.to_vec()),
            marks: marks.iter().map(|at| Mark { at: *at, label: "end".to_owned() }).collect(),
        }
    }

    #[test]
    fn no_text_is_markup_and_nothing_is_hidden() {
        let svg = chart(&[1, 2], &[]).svg();
        assert!(!svg.contains("<script") && !svg.contains('\u{1b}') && svg.contains("a &lt; b"), "{svg}");
        assert!(svg.contains("&lt;script&gt;&quot;R &amp; D&quot;&lt;/script&gt;\\u{1b}</title>"), "{svg}");
        assert!(svg.contains("<desc id=\"desc\">it&#39;s</desc>"), "{svg}");
    }

    #[test]
    fn marks_stand_within_the_times_both_ends_included() {
        let ms = TimeDelta::milliseconds(1);
        for (at, drawn) in [(day(0) - ms, 0), (day(0), 1), (day(0) + ms, 1), (day(2), 1), (day(2) + ms, 0)] {
            assert_eq!(chart(&[3, 2, 1], &[at]).svg().matches("stroke-dasharray").count(), drawn, "{at}");
        }
    }

    #[test]
    fn few_counts_stand_on_the_axis_whatever_the_most() {
        for (most, expected) in [(1, 1), (5, 1), (6, 2), (10, 2), (11, 5), (25, 5), (26, 10), (12_345, 5_000)] {
            assert_eq!(step(most), expected, "{most}");
        }
        assert!(u64::MAX.div_ceil(step(u64::MAX)) <= COUNTS_MAX);
    }

    #[test]
    fn corners_between_equal_counts_are_left_out() {
        let scale = Scale { intervals: 4, top: 10, plot_y: 0 };
        assert_eq!(corners(&scale, &[5, 5, 5, 5, 0]), ["64,160", "541,160", "700,320"]);
    }

    #[test]
    fn a_chart_of_nothing_one_day_or_enormous_counts_is_a_chart() {
        for counts in [&[][..], &[0], &[7], &[u64::MAX, u64::MAX]] {
            let svg = chart(counts, &[day(0)]).svg();
            assert!(svg.ends_with("</svg>\n") && !svg.contains("=\"-"), "{svg}");
        }
    }
}
