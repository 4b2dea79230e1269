//! Snapshots: a run's consistent cut on disk, to go on from when even the machine was restarted.
//!
//! Every worker stands still between two steps while the cut is copied ([`image`]); a process of its own
//! then forces output files to the disk and writes the copy ([`mod@format`], [`disk`]). What is beside the
//! graph in files is noted, and looked at again before a run goes on from there ([`outside`]).

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};
use thalweg_worker::agent::Outside;

use crate::recipe::{Basis, Written};
use crate::resolved::{AgentIx, Resolved};
use crate::shape::fnv1a;

pub mod disk;
pub mod format;
pub mod image;
pub mod outside;

use disk::{Gate, Loaded};
use format::Contents;
use image::Image;
use outside::KeptFile;

/// What a snapshot keeps in words: how graph and plan are made again, and the files beside them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kept {
    /// The graph.
    pub origin: Origin,
    /// What its plan was made of.
    pub basis: Basis,
    /// Files at the cut.
    pub files: Vec<KeptFile>,
    /// How far loops had run dry.
    #[serde(default)]
    pub dry: u64,
}

/// Where a graph comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Its text.
    Text(Written),
    /// A program that builds it.
    Program(Program),
}

/// A program: its closures are known by its bytes alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// How messages call it.
    pub path: String,
    /// CRC-32 of its file.
    pub crc: u32,
}

impl Program {
    /// The program that runs here.
    ///
    /// # Errors
    /// Its file cannot be read.
    pub fn this() -> io::Result<Program> {
        let mut file = File::open("/proc/self/exe")?;
        let mut hasher = crc32fast::Hasher::new();
        let mut bytes = vec![0; 1 << 16];
        loop {
            match file.read(&mut bytes)? {
                0 => break,
                n => hasher.update(&bytes[..n]),
            }
        }
        let path = std::fs::read_link("/proc/self/exe")?;
        Ok(Program {
            path: path.display().to_string(),
            crc: hasher.finalize(),
        })
    }
}

impl Origin {
    fn hash(&self) -> serde_json::Result<u64> {
        serde_json::to_vec(self).map(fnv1a)
    }
}

/// What is the same in all snapshots of a run.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The run's name.
    pub run: String,
    /// The graph's text, if it has one.
    pub written: Option<Written>,
    /// What its plan was made of.
    pub basis: Basis,
}

/// Can a run of this graph go on from a snapshot? What agents that are done had outside is of no interest.
///
/// # Errors
/// The agents that cannot, and why.
pub fn check_graph(graph: &Resolved, is_done: impl Fn(AgentIx) -> bool) -> Result<(), String> {
    let agents = graph.agents.iter().enumerate();
    let going = agents.filter(|(a, _)| !is_done(*a)).map(|(_, agent)| agent);
    let once = going.filter_map(|agent| {
        let blueprint = &agent.blueprint;
        match blueprint.agent.outside(&blueprint.state.init) {
            Outside::Once { name } => Some(format!("agent `{}` holds on to {name}", agent.name)),
            _ => None,
        }
    });
    let once: Vec<String> = once.collect();
    match once.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "{}, which is gone with the run: what passed there since the snapshot would be lost; use a file instead",
            once.join(", ")
        )),
    }
}

/// Writes a copied cut to `file`; gives its length in bytes.
///
/// # Errors
/// What failed, and on which file. An older snapshot is then still there.
pub fn write(
    file: &Path,
    subject: &Subject,
    number: u64,
    graph: &Resolved,
    image: Image,
    gate: Gate<'_>,
) -> Result<u64, String> {
    let mut files = Vec::new();
    for (agent, outside) in &image.outside {
        let name = &graph.agents[*agent].name;
        files.extend(outside::keep(name, outside, gate)?);
    }
    let origin = match &subject.written {
        Some(written) => Origin::Text(written.clone()),
        None => Origin::Program(Program::this().map_err(|e| format!("/proc/self/exe: {e}"))?),
    };
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let graph_hash = origin.hash().map_err(|e| e.to_string())?;
    let kept = Kept {
        origin,
        basis: subject.basis.clone(),
        files,
        dry: image.dry,
    };
    let contents = Contents {
        layout_hash: subject.basis.shape.hash(),
        graph_hash,
        number,
        taken: since_1970.map_or(0, |d| d.as_secs()),
        run: subject.run.clone(),
        words: serde_json::to_vec(&kept).map_err(|e| e.to_string())?,
        workers: image.workers,
        streams: image.streams,
    };
    disk::write(file, &contents, gate).map_err(|e| e.to_string())?;
    Ok(contents.len_bytes())
}

/// What a loaded snapshot keeps in words, held against its head.
///
/// # Errors
/// What does not fit.
pub fn kept(loaded: &Loaded) -> Result<Kept, String> {
    let contents = loaded.contents();
    let refuse = |what: String| format!("{}: {what}", loaded.path.display());
    let kept: Kept = serde_json::from_slice(contents.words).map_err(|e| refuse(e.to_string()))?;
    if kept.basis.shape.hash() != contents.layout_hash {
        return Err(refuse(
            "its head tells of another layout than it has".to_owned(),
        ));
    }
    match kept.origin.hash() {
        Ok(hash) if hash == contents.graph_hash => Ok(kept),
        _ => Err(refuse(
            "its head tells of another graph than it has".to_owned(),
        )),
    }
}

/// Are all files beside the snapshot what they were? `outside`: what the agents hold on to.
///
/// # Errors
/// Each that is not.
pub fn check_files(
    kept: &Kept,
    graph: &Resolved,
    outside: &[(AgentIx, Outside)],
) -> Result<(), String> {
    let found = |file: &KeptFile| {
        let mut held = outside.iter();
        match held.any(|(a, o)| graph.agents[*a].name == file.agent() && file.is_of(o)) {
            true => file.check(),
            false => Err(format!(
                "agent `{}` does not go on with the file it had",
                file.agent()
            )),
        }
    };
    let wrong: Vec<String> = kept.files.iter().filter_map(|f| found(f).err()).collect();
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(wrong.join("\n  ")),
    }
}

#[cfg(test)]
mod tests {
    use thalweg_worker::op::ParamKind;
    use thalweg_worker::operators;

    use super::*;
    use crate::{oneline, resolve, sets};

    /// An operator that did not say what it holds on to would be taken for one that has no outside.
    #[test]
    fn every_operator_with_a_file_says_how_far_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let mut seen = 0;
        for def in operators::table() {
            let files = [ParamKind::ReadPath, ParamKind::WritePath];
            let mut kinds = def.params.iter().map(|param| param.kind);
            let Some(kind) = kinds.find(|kind| files.contains(kind)) else {
                continue;
            };
            let mut decl = oneline::load_line(def.example).unwrap();
            if kind == ParamKind::WritePath {
                let path = folder.path().join(def.name).display().to_string();
                let set = format!("{}.path=\"{path}\"", def.name.replace('.', "_"));
                sets::apply_sets(&mut decl, &[set]).unwrap();
            }
            let (graph, _) = resolve::resolve(decl).unwrap();
            let agent = graph.agents.iter().find(|a| a.op == def.name).unwrap();
            let blueprint = &agent.blueprint;
            let outside = blueprint.agent.outside(&blueprint.state.init);
            assert_ne!(outside, Outside::Nothing, "{}", def.name);
            seen += 1;
        }
        assert!(seen >= 8, "only {seen} operators with a path");
    }

    #[test]
    fn what_came_over_a_socket_is_gone_with_the_run() {
        for (line, name) in [
            ("udp.read listen=127.0.0.1:27409 ! null", "datagrams to"),
            (
                "tcp.read listen=127.0.0.1:27409 dtype=i64 ! null",
                "a connection with",
            ),
        ] {
            let decl = oneline::load_line(line).unwrap();
            let (graph, _) = resolve::resolve(decl).unwrap();
            let refused = check_graph(&graph, |_| false).unwrap_err();
            assert!(
                refused.contains(name) && refused.contains("would be lost"),
                "{refused}"
            );
            assert_eq!(check_graph(&graph, |_| true), Ok(()), "it has ended");
        }
    }
}
