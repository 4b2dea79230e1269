//! The files that agents read and write: there, of a right kind, and no two agents at cross purposes.

use std::collections::HashMap;
use std::fs::{self, Metadata, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};
use thalweg_worker::connectors::{folder_of, print::PRINT};
use thalweg_worker::op::{Args, OpError, ParamKind, nearest};

use super::build::Built;
use crate::decl::{AgentDecl, GraphDecl, SourceText, Span, WorkDecl};
use crate::diag::{Diagnostic, why};
use crate::resolved::{Resolved, ResolvedAgent};

/// The files of one agent, each with the place of the parameter.
#[derive(Default)]
pub(super) struct Touched {
    pub writes: Vec<(Span, PathBuf)>,
    pub reads: Vec<(Span, PathBuf)>,
}

/// Looks at the paths an agent was given: what is to be read must be there, what is to be written must be
/// possible to write. Makes and changes nothing.
pub(super) fn touched(agent: &AgentDecl, args: &Args) -> Result<Touched, OpError> {
    let mut touched = Touched::default();
    for param in args.op().params {
        let Some(path) = args.path(param.name) else {
            continue;
        };
        let at = span_of(agent, param.name);
        let is_file = matches!(param.kind, ParamKind::ReadPath | ParamKind::WritePath);
        if is_file && args.text(param.name) == Some("") {
            let message = format!("`{}` is empty, and should name a file", param.name);
            return Err(OpError::param(param.name, message));
        }
        match param.kind {
            ParamKind::ReadPath => {
                readable(param.name, &path)?;
                touched.reads.push((at, path));
            }
            ParamKind::WritePath => {
                writable(param.name, &path)?;
                touched.writes.push((at, path));
            }
            _ => {}
        }
    }
    Ok(touched)
}

fn span_of(agent: &AgentDecl, param: &str) -> Span {
    let WorkDecl::Op { params, .. } = &agent.work else {
        return agent.name.span.clone();
    };
    let given = params.iter().find(|(key, _)| key.value == param);
    match given {
        Some((_, value)) if !value.span.is_empty() => value.span.clone(),
        _ => agent.name.span.clone(),
    }
}

fn is_standard(path: &Path) -> bool {
    path == Path::new("-")
}

fn readable(param: &str, path: &Path) -> Result<(), OpError> {
    if is_standard(path) {
        return Ok(());
    }
    let refused = |why: String, help: Option<String>| {
        let shown = path.display().to_string();
        OpError {
            param: Some(param.to_owned()),
            message: format!("`{}` cannot be read: {why}", shown.escape_debug()),
            help,
        }
    };
    match fs::metadata(path) {
        Err(error) => Err(refused(why(&error), similar_file(path))),
        Ok(found) if found.is_dir() => Err(refused("it is a folder".to_owned(), None)),
        Ok(_) => match access(path, AccessFlags::R_OK) {
            Err(errno) => Err(refused(errno.desc().to_owned(), None)),
            Ok(()) => Ok(()),
        },
    }
}

/// What may have been meant by the name of a file that is not there.
pub(crate) fn similar_file(path: &Path) -> Option<String> {
    let name = path.as_os_str().to_string_lossy();
    if name.contains("://") {
        return Some("files are read, and what another program gives: `curl -s URL | thalweg run ..` with path=-".to_owned());
    }
    if name.starts_with(['~', '$']) || name.contains("/$") || name.contains("/~") {
        return Some("`~` and `$` are the shell's, who puts in what they mean outside of quotes only: write it out".to_owned());
    }
    if name.contains(['*', '?']) {
        return Some("one file is read, and its name is written out".to_owned());
    }
    let folder = folder_of(path);
    let Ok(entries) = fs::read_dir(folder) else {
        return Some(format!("there is no folder `{}`", folder.display()));
    };
    let names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .take(10_000)
        .collect();
    let wanted = path.file_name()?.to_str()?;
    let names = names.iter().map(String::as_str);
    if let Some(longer) = names.clone().filter(|name| goes_on(name, wanted)).max() {
        return Some(format!("did you mean `{longer}`?"));
    }
    let names: Vec<&str> = names.filter(|name| is_of_its_kind(path, name)).collect();
    let near = nearest(wanted, &names)?;
    Some(format!("did you mean `{near}`?"))
}

/// Whether a name is the wanted one with an extension that was left out.
fn goes_on(name: &str, wanted: &str) -> bool {
    let rest = name.strip_prefix(wanted);
    rest.is_some_and(|rest| rest.starts_with('.') && !rest[1..].contains('.'))
}

/// False for a file whose extension says that it is something else: `a.toml` is no `a.cf32`, though `a.cvs` may be `a.csv`.
fn is_of_its_kind(path: &Path, name: &str) -> bool {
    let extension = |path: &Path| path.extension()?.to_str().map(str::to_owned);
    match (extension(path), extension(Path::new(name))) {
        (Some(wanted), Some(found)) => {
            wanted.eq_ignore_ascii_case(&found) || nearest(&wanted, &[found.as_str()]).is_some()
        }
        _ => true,
    }
}

fn writable(param: &str, path: &Path) -> Result<(), OpError> {
    match is_standard(path) {
        true => Ok(()),
        false => check_place(path).map_err(|words| OpError::param(param, words)),
    }
}

/// Whether a file could be written there; makes and changes nothing.
pub(crate) fn check_place(path: &Path) -> Result<(), String> {
    let refused = |why: String| {
        let shown = path.display().to_string();
        Err(format!(
            "`{}` cannot be written: {why}",
            shown.escape_debug()
        ))
    };
    let Some(metadata) = fs::metadata(path).ok() else {
        return room_for_new(path).or_else(refused);
    };
    if metadata.is_dir() {
        return refused("it is a folder".to_owned());
    }
    let opened = match metadata.is_file() {
        true => OpenOptions::new()
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(path)
            .map(|_| ()),
        false => access(path, AccessFlags::W_OK).map_err(std::io::Error::from),
    };
    match opened {
        Ok(()) => Ok(()),
        Err(error) => refused(why(&error)),
    }
}

fn room_for_new(path: &Path) -> Result<(), String> {
    let folder = folder_of(path);
    let shown = folder.display();
    let name = match path.file_name() {
        Some(name) if !path.as_os_str().as_bytes().ends_with(b"/") => name,
        _ => return Err("it names a folder, no file".to_owned()),
    };
    if name.len() > NAME_MAX {
        return Err(format!(
            "its name has {} bytes, and {NAME_MAX} are the most",
            name.len()
        ));
    }
    if let Ok(target) = fs::read_link(path) {
        // The file is made where the link points to.
        let target = folder.join(target);
        return match target.is_symlink() {
            true => Err("it is a link to a link that leads nowhere".to_owned()),
            false => room_for_new(&target),
        };
    }
    match fs::metadata(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(format!("there is no folder `{shown}`"))
        }
        Err(error) => Err(format!("its folder `{shown}`: {}", why(&error))),
        Ok(found) if !found.is_dir() => Err(format!("`{shown}` is no folder")),
        Ok(_) if is_kernels(folder) => Err(format!(
            "`{shown}` belongs to the kernel, and takes no files"
        )),
        Ok(_) => access(folder, AccessFlags::W_OK)
            .map_err(|errno| format!("its folder `{shown}`: {}", errno.desc())),
    }
}

/// The longest name of a file, in bytes.
const NAME_MAX: usize = 255;

/// True for a folder of `/proc` or `/sys`: root may write there, but make no file.
fn is_kernels(folder: &Path) -> bool {
    let within = |real: PathBuf| real.starts_with("/proc") || real.starts_with("/sys");
    fs::canonicalize(folder).is_ok_and(within)
}

/// What makes a file the same one under any name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Identity {
    /// Standard input or output.
    Standard,
    /// A file that is there.
    Inode(u64, u64),
    /// A file that is not there yet: its folder's inode and its name.
    New(u64, u64, std::ffi::OsString),
}

/// `None` for devices and pipes, which any number may share.
fn identity(path: &Path) -> Option<Identity> {
    if is_standard(path) {
        return Some(Identity::Standard);
    }
    let inode = |found: Metadata| (found.dev(), found.ino());
    match fs::metadata(path) {
        Ok(found) if found.is_file() => {
            let (dev, ino) = inode(found);
            Some(Identity::Inode(dev, ino))
        }
        Ok(_) => None,
        Err(_) => {
            let (dev, ino) = fs::metadata(folder_of(path)).ok().map(inode)?;
            Some(Identity::New(dev, ino, path.file_name()?.to_owned()))
        }
    }
}

/// Who uses a file, and where that was written.
struct Use<'a> {
    agent: &'a str,
    span: &'a Span,
    path: &'a Path,
}

/// Refuses a file that two agents write, that is written and read, or that is the graph itself.
pub(super) fn conflicts(graph: &GraphDecl, built: &[Option<Built>], found: &mut Vec<Diagnostic>) {
    let mut writers: HashMap<Identity, Use<'_>> = HashMap::new();
    for used in uses(graph, built, |built| &built.writes) {
        let Some(identity) = identity(used.path) else {
            continue;
        };
        if let Some(first) = writers.get(&identity) {
            found.push(both(first, &used, "write"));
        } else {
            writers.insert(identity, used);
        }
    }
    let source = graph.source.as_ref();
    for (file, is_included) in graph_files(source) {
        let Some(writer) = writers.get(&file) else {
            continue;
        };
        let (what, place) = match is_included {
            false => ("the graph file", "the graph itself"),
            true => ("a file that the graph includes", "included"),
        };
        let message = format!("agent `{}` would write over {what}", writer.agent);
        found.push(Diagnostic::new(message).at(writer.span.clone(), place));
    }
    let mut stdin: Option<Use<'_>> = None;
    for used in uses(graph, built, |built| &built.reads) {
        match identity(used.path) {
            Some(Identity::Standard) => match &stdin {
                Some(first) => found.push(both(first, &used, "read")),
                None => stdin = Some(used),
            },
            Some(identity) => {
                if let Some(writer) = writers.get(&identity) {
                    found.push(read_and_written(&used, writer));
                }
            }
            None => {}
        }
    }
    if let (Some(reader), Some("<stdin>")) = (stdin, source_name(source)) {
        let message = format!(
            "agent `{}` reads standard input, which the graph itself came from",
            reader.agent
        );
        found.push(Diagnostic::new(message).at(reader.span.clone(), "standard input"));
    }
}

fn uses<'a>(
    graph: &'a GraphDecl,
    built: &'a [Option<Built>],
    which: fn(&Built) -> &Vec<(Span, PathBuf)>,
) -> impl Iterator<Item = Use<'a>> {
    let agents = graph.agents.iter().zip(built);
    agents.flat_map(move |(agent, built)| {
        let paths = built.as_ref().map_or(&[][..], |built| which(built));
        paths.iter().map(|(span, path)| Use {
            agent: &agent.name.value,
            span,
            path,
        })
    })
}

/// Whose a file is that something beside the graph's agents is to write, in words; `None`: nobody's.
pub(crate) fn whose(graph: &Resolved, path: &Path) -> Option<String> {
    let wanted = identity(path).filter(|found| *found != Identity::Standard)?;
    if graph_files(graph.source.as_ref()).any(|(file, _)| file == wanted) {
        return Some("a file of the graph itself".to_owned());
    }
    let uses = |path: &PathBuf| identity(path).as_ref() == Some(&wanted);
    let mut agents = graph.agents.iter();
    let user = agents.find(|agent| agent.reads.iter().chain(&agent.writes).any(uses))?;
    Some(format!("a file of agent `{}`", user.name))
}

/// The agent that writes to standard output, if one does.
pub(crate) fn printer(graph: &Resolved) -> Option<&str> {
    let prints = |agent: &&ResolvedAgent| {
        agent.op == PRINT.name || agent.writes.iter().any(|path| is_standard(path))
    };
    let printer = graph.agents.iter().find(prints)?;
    Some(&printer.name)
}

fn source_name(source: Option<&SourceText>) -> Option<&str> {
    let source = source.filter(|source| !source.is_built());
    source.map(|source| source.name.as_str())
}

/// The files that the graph was read from; true for those that it includes.
fn graph_files(source: Option<&SourceText>) -> impl Iterator<Item = (Identity, bool)> {
    let included = source.into_iter().flat_map(|source| source.included());
    let own = source_name(source).filter(|name| !name.starts_with('<'));
    let names = own.into_iter().map(|name| (name, false));
    names
        .chain(included.map(|file| (file.name.as_str(), true)))
        .filter_map(|(name, is_included)| Some((identity(Path::new(name))?, is_included)))
}

fn both(first: &Use<'_>, second: &Use<'_>, what: &str) -> Diagnostic {
    let file = match (is_standard(second.path), what) {
        (true, "read") => "standard input".to_owned(),
        (true, _) => "standard output".to_owned(),
        (false, _) => format!("`{}`", second.path.display()),
    };
    Diagnostic::new(format!(
        "agents `{}` and `{}` both {what} {file}",
        first.agent, second.agent
    ))
    .at(second.span.clone(), "the second")
    .at(first.span.clone(), "the first")
}

fn read_and_written(reader: &Use<'_>, writer: &Use<'_>) -> Diagnostic {
    Diagnostic::new(format!(
        "agent `{}` writes `{}`, which `{}` reads",
        writer.agent,
        writer.path.display(),
        reader.agent
    ))
    .at(writer.span.clone(), "written here")
    .at(reader.span.clone(), "read here")
}
