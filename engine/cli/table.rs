//! Tables as text: columns aligned, the least important left out where the line is too short.

/// A column: its title, its cells, and how dear it is.
pub struct Column {
    title: &'static str,
    cells: Vec<String>,
    right: bool,
    rank: u8,
}

impl Column {
    /// Words, aligned left, never left out.
    pub fn words(title: &'static str, cells: Vec<String>) -> Column {
        Column {
            title,
            cells,
            right: false,
            rank: 0,
        }
    }

    /// Numbers, aligned right, never left out.
    pub fn numbers(title: &'static str, cells: Vec<String>) -> Column {
        Column {
            right: true,
            ..Column::words(title, cells)
        }
    }

    /// Where there is no room for all, columns of higher rank go first.
    pub fn rank(self, rank: u8) -> Column {
        Column { rank, ..self }
    }

    fn width(&self) -> usize {
        let cells = self.cells.iter().map(|cell| width(cell));
        cells.max().unwrap_or(0).max(width(self.title))
    }

    fn padded(&self, cell: &str) -> String {
        let gap = " ".repeat(self.width() - width(cell));
        match self.right {
            true => format!("{gap}{cell}"),
            false => format!("{cell}{gap}"),
        }
    }
}

/// Columns on a terminal that a text takes; close enough for names and numbers.
fn width(text: &str) -> usize {
    text.chars().count()
}

/// The table, each line indented by two, within `columns` if that can be done.
pub fn table(mut table: Vec<Column>, columns: Option<usize>) -> String {
    if let Some(columns) = columns {
        fit(&mut table, columns);
    }
    let rows = table.iter().map(|c| c.cells.len()).max().unwrap_or(0);
    let title = line(&table, |column| column.title);
    let cells = (0..rows).map(|row| line(&table, |column| &column.cells[row]));
    std::iter::once(title).chain(cells).collect()
}

fn fit(table: &mut Vec<Column>, columns: usize) {
    let total = |table: &[Column]| table.iter().map(|c| c.width() + 2).sum::<usize>();
    while total(table) > columns {
        let Some(dearest) = table.iter().map(|c| c.rank).max().filter(|rank| *rank > 0) else {
            return;
        };
        table.retain(|column| column.rank != dearest);
    }
}

fn line<'a>(table: &'a [Column], text: impl Fn(&'a Column) -> &'a str) -> String {
    let mut line = String::new();
    for column in table {
        line += "  ";
        line += &column.padded(text(column));
    }
    line.truncate(line.trim_end().len());
    line.push('\n');
    line
}

/// A number of items a second: `12.3 M/s`.
pub fn rate(per_second: f64) -> String {
    let (scaled, unit) = match per_second {
        r if r >= 999.5e6 => (r / 1e9, " G/s"),
        r if r >= 999.5e3 => (r / 1e6, " M/s"),
        r if r >= 9_999.5 => (r / 1e3, " k/s"),
        r => (r, " /s"),
    };
    format!("{}{unit}", three_digits(scaled))
}

/// A time: `12.3 ms`.
pub fn time(seconds: f64) -> String {
    let (scaled, unit) = match seconds {
        s if s < 0.9995e-6 => (s * 1e9, " ns"),
        s if s < 0.9995e-3 => (s * 1e6, " us"),
        s if s < 0.9995 => (s * 1e3, " ms"),
        s => (s, " s"),
    };
    format!("{}{unit}", three_digits(scaled))
}

fn three_digits(number: f64) -> String {
    match number {
        n if n >= 99.95 || n == 0.0 => format!("{n:.0}"),
        n if n >= 9.995 => format!("{n:.1}"),
        n => format!("{n:.2}"),
    }
}

/// A share: `87 %`.
pub fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

/// So many of them: `1 kill`, `2 kills`.
pub fn count(n: u64, noun: &str) -> String {
    match n {
        1 => format!("1 {noun}"),
        n => format!("{n} {noun}s"),
    }
}

/// Columns of the terminal that standard error is, if it is one.
pub fn columns() -> Option<usize> {
    window().map(|(_, columns)| columns)
}

/// Rows and columns of that terminal.
pub fn window() -> Option<(usize, usize)> {
    let mut size = libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: the call fills the struct it is given, or fails.
    let known = unsafe { libc::ioctl(libc::STDERR_FILENO, libc::TIOCGWINSZ, &raw mut size) } == 0;
    let window = (usize::from(size.ws_row), usize::from(size.ws_col));
    (known && size.ws_col > 0).then_some(window)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|c| (*c).to_owned()).collect()
    }

    #[test]
    fn columns_are_aligned_and_the_last_in_rank_go_first() {
        let columns = || {
            vec![
                Column::words("name", cells(&["a", "long"])),
                Column::words("type", cells(&["f64", "u8"])).rank(2),
                Column::numbers("n", cells(&["5", "123"])).rank(1),
            ]
        };
        let whole = "  name  type    n\n  a     f64     5\n  long  u8    123\n";
        assert_eq!(table(columns(), None), whole);
        assert_eq!(table(columns(), Some(17)), whole);
        assert_eq!(
            table(columns(), Some(16)),
            "  name    n\n  a       5\n  long  123\n"
        );
        assert_eq!(table(columns(), Some(3)), "  name\n  a\n  long\n");
    }

    #[test]
    fn rates_and_times_have_three_digits_and_a_unit() {
        for (number, expected) in [
            (0.0, "0 /s"),
            (0.5, "0.50 /s"),
            (1234.4, "1234 /s"),
            (12_345.0, "12.3 k/s"),
            (999_600.0, "1.00 M/s"),
            (12_345_678.0, "12.3 M/s"),
            (2.5e9, "2.50 G/s"),
        ] {
            assert_eq!(rate(number), expected);
        }
        for (seconds, expected) in [
            (0.0, "0 ns"),
            (1.5e-7, "150 ns"),
            (1.2e-6, "1.20 us"),
            (0.0345, "34.5 ms"),
            (0.9999, "1.00 s"),
            (75.0, "75.0 s"),
        ] {
            assert_eq!(time(seconds), expected);
        }
    }
}
