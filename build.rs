//! Gives the Windows programs their icon, version and manifest. Nothing to do for other systems.

use std::path::{Path, PathBuf};
use std::{env, fs, io};
use winresource::WindowsResource;

/// A program, and what Windows says that it is: in the Task Manager, in its properties.
struct Program {
    name: &'static str,
    english: &'static str,
    french: &'static str,
}

const PROGRAMS: [Program; 2] = [
    Program {
        name: "passerelle",
        english: "Passerelle, the SSH tunnel keeper (command line)",
        french: "Passerelle, le gardien du tunnel SSH (ligne de commande)",
    },
    Program {
        name: "passerelle-tray",
        english: "Passerelle, the SSH tunnel keeper",
        french: "Passerelle, le gardien du tunnel SSH",
    },
];

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={ICON}");
    println!("cargo:rerun-if-changed={MANIFEST}");
    // The system that is built for: `cfg` would tell that of the machine that builds.
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("windows") {
        return Ok(());
    }
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(variable("OUT_DIR")?);
    let version = variable("CARGO_PKG_VERSION")?;
    for program in &PROGRAMS {
        let script = out.join(format!("{}.rc", program.name));
        fs::write(&script, resources(program, &version, &root))?;
        WindowsResource::new()
            .set_resource_file(&script.to_string_lossy())
            .compile_for(program.name)?;
    }
    Ok(())
}

const ICON: &str = "assets/passerelle.ico";
const MANIFEST: &str = "assets/passerelle.manifest";

/// The resource script: icon 1, manifest 1 (type 24), and the version in both languages.
fn resources(program: &Program, version: &str, root: &Path) -> String {
    const ENGLISH: &str = "0409";
    const FRENCH: &str = "040C";
    let numbers = numbers(version);
    let strings = |language: &str, description: &str, copyright: &str| {
        format!(
            r#"    BLOCK "{language}04B0"
    {{
      VALUE "CompanyName", "Passerelle\0"
      VALUE "FileDescription", "{description}\0"
      VALUE "FileVersion", "{version}\0"
      VALUE "InternalName", "{name}\0"
      VALUE "LegalCopyright", "{copyright}\0"
      VALUE "OriginalFilename", "{name}.exe\0"
      VALUE "ProductName", "Passerelle\0"
      VALUE "ProductVersion", "{version}\0"
    }}
"#,
            name = program.name
        )
    };
    // In the order in which Windows falls back to them.
    let english = strings(ENGLISH, program.english, "MIT or Apache-2.0 licence");
    let french = strings(FRENCH, program.french, "Licence MIT ou Apache-2.0");
    format!(
        r#"#pragma code_page(65001)
1 ICON "{icon}"
1 24 "{manifest}"
1 VERSIONINFO
FILEVERSION {numbers}
PRODUCTVERSION {numbers}
FILEFLAGSMASK 0x3f
FILEFLAGS 0x0
FILEOS 0x40004
FILETYPE 0x1
FILESUBTYPE 0x0
{{
  BLOCK "StringFileInfo"
  {{
{english}{french}  }}
  BLOCK "VarFileInfo"
  {{
    VALUE "Translation", 0x{ENGLISH}, 0x04B0, 0x{FRENCH}, 0x04B0
  }}
}}
"#,
        icon = quoted(&root.join(ICON)),
        manifest = quoted(&root.join(MANIFEST)),
    )
}

/// `1.2.3-rc.1` as the four numbers that Windows compares: `1,2,3,0`.
fn numbers(version: &str) -> String {
    let release = version.split(['-', '+']).next().unwrap_or_default();
    let mut numbers: Vec<&str> = release.split('.').collect();
    numbers.resize(4, "0");
    numbers.join(",")
}

fn quoted(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "\\\\")
}

fn variable(name: &str) -> io::Result<String> {
    env::var(name).map_err(|error| io::Error::other(format!("{name}: {error}")))
}
