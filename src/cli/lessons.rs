//! `kubehop lessons check [DIR]`: proves the lessons and scenarios of a folder, or those that we ship.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use kubehop::lang::Lang;
use kubehop::lesson::{self, Format};
use kubehop::text::Source;

/// The files of `public/` at these paths.
macro_rules! shipped {
    ($($path:literal,)*) => {
        &[$((concat!("public/", $path), include_str!(concat!("../../public/", $path)))),*]
    };
}

/// What we ship; `tests/lessons.rs` holds that nothing lacks here.
const SHIPPED: &[(&str, &str)] = shipped![
    "lessons/en/clusterip.md",
    "lessons/en/ingress.md",
    "lessons/en/loadbalancer.md",
    "lessons/en/nodeport.md",
    "lessons/zh/clusterip.md",
    "lessons/zh/ingress.md",
    "lessons/zh/loadbalancer.md",
    "lessons/zh/nodeport.md",
    "scenarios/clusterip.yaml",
    "scenarios/docker-desktop.yaml",
    "scenarios/headless.yaml",
    "scenarios/index.yaml",
    "scenarios/ingress-paper.yaml",
    "scenarios/ingress-paths.yaml",
    "scenarios/keep-alive.yaml",
    "scenarios/lb-cloud.yaml",
    "scenarios/lb-pending.yaml",
    "scenarios/lb-tunnel.yaml",
    "scenarios/no-endpoints.yaml",
    "scenarios/node-dies.yaml",
    "scenarios/nodeport.yaml",
    "scenarios/one-door.yaml",
    "scenarios/session-affinity.yaml",
    "scenarios/source-kept.yaml",
    "scenarios/source-lost.yaml",
    "scenarios/status-404.yaml",
    "scenarios/status-502.yaml",
    "scenarios/status-503.yaml",
    "scenarios/status-504.yaml",
    "scenarios/three-doors.yaml",
    "scenarios/unready.yaml",
];

/// Prints a line for each thing that holds, and on standard error for each that does not; gives the exit status.
pub(super) fn check(folder: Option<&Path>, lang: Lang) -> io::Result<i32> {
    let mut sources = match folder {
        Some(folder) => read(folder)?,
        None => SHIPPED.iter().map(|(name, text)| Source::new(*name, *text)).collect(),
    };
    sources.retain(|source| Format::of(source).is_some());
    let count = |wanted: Format| sources.iter().filter(|source| Format::of(source) == Some(wanted)).count();
    let (lessons, scenarios) = (count(Format::Lesson), count(Format::Scenario));
    if lessons + scenarios == 0 {
        let place = folder.map_or_else(String::new, |folder| folder.display().to_string());
        let nothing =
            lang.pick("no lesson (NAME.md) and no scenario (NAME.yaml) in", "没有课程（NAME.md）或场景（NAME.yaml）：");
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("error: {nothing} {place}")));
    }
    let mut wrong = 0;
    let mut out = io::stdout().lock();
    for verdict in lesson::verify(&sources, lang) {
        let (file, line) = (&verdict.file, verdict.line);
        match verdict.what {
            Ok(what) => writeln!(out, "{file}:{line}: {}: {what}", lang.pick("ok", "通过"))?,
            Err(what) => {
                wrong += 1;
                out.flush()?;
                writeln!(io::stderr(), "{file}:{line}: {}: {what}", lang.pick("error", "错误"))?;
            }
        }
    }
    let end = match wrong {
        0 => lang.pick("all hold".to_owned(), "全部通过".to_owned()),
        n => lang.pick(format!("errors: {n}"), format!("错误 {n} 处")),
    };
    let counts = lang.pick(
        format!("lessons: {lessons}, scenarios: {scenarios}, {end}"),
        format!("课程 {lessons} 份，场景 {scenarios} 个，{end}"),
    );
    writeln!(out, "{counts}")?;
    Ok(i32::from(wrong > 0))
}

/// The texts below a folder, by path; or one file.
fn read(path: &Path) -> io::Result<Vec<Source>> {
    let wrong = |path: &Path, error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => super::missing(path),
        kind => io::Error::new(kind, format!("{}: {error}", path.display())),
    };
    let mut sources = Vec::new();
    let mut paths: Vec<PathBuf> = vec![path.to_owned()];
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).map_err(|error| wrong(&path, error))?;
            let mut below = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
            below.sort();
            paths.extend(below.into_iter().rev());
        } else if path.extension().is_some_and(|end| end == "md" || end == "yaml" || end == "yml") || sources.is_empty()
        {
            let bytes = std::fs::read(&path).map_err(|error| wrong(&path, error))?;
            let name = path.display().to_string();
            sources.push(Source::new(name, String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    Ok(sources)
}
