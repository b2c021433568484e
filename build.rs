//! Gives the Windows programs their icon, version and manifest. Nothing to do for other systems.

use std::path::{Path, PathBuf};
use std::{env, fs, io};
use winresource::WindowsResource;

/// A file that Windows runs, and what it says that this is: in the Task Manager, in its properties.
struct Image {
    name: &'static str,
    extension: &'static str,
    english: &'static str,
    french: &'static str,
}

const PROGRAMS: [Image; 2] = [
    Image {
        name: "passerelle",
        extension: "exe",
        english: "Passerelle, the SSH tunnel keeper (command line)",
        french: "Passerelle, le gardien du tunnel SSH (ligne de commande)",
    },
    Image {
        name: "passerelle-tray",
        extension: "exe",
        english: "Passerelle, the SSH tunnel keeper",
        french: "Passerelle, le gardien du tunnel SSH",
    },
];

/// What both programs of the package share.
const LIBRARY: Image = Image {
    name: "passerelle",
    extension: "dll",
    english: "Passerelle, the SSH tunnel keeper (library)",
    french: "Passerelle, le gardien du tunnel SSH (bibliothèque)",
};

/// A directory. Where it is given, the library is what is linked, and the programs' resource scripts are put
/// there: see `scripts/build-windows`.
const SCRIPTS: &str = "PASSERELLE_RESOURCE_SCRIPTS";

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={ICON}");
    println!("cargo:rerun-if-changed={MANIFEST}");
    println!("cargo:rerun-if-env-changed={SCRIPTS}");
    // The system that is built for: `cfg` would tell that of the machine that builds.
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("windows") {
        return Ok(());
    }
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(variable("OUT_DIR")?);
    let version = variable("CARGO_PKG_VERSION")?;
    let script = |image: &Image, directory: &Path| {
        let script = directory.join(format!("{}.{}.rc", image.name, image.extension));
        fs::write(&script, resources(image, &version, &root)).map(|()| script)
    };
    if let Some(scripts) = env::var_os(SCRIPTS) {
        for program in &PROGRAMS {
            script(program, Path::new(&scripts))?;
        }
        return WindowsResource::new()
            .set_resource_file(&script(&LIBRARY, &out)?.to_string_lossy())
            .compile();
    }
    for program in &PROGRAMS {
        WindowsResource::new()
            .set_resource_file(&script(program, &out)?.to_string_lossy())
            .compile_for(program.name)?;
    }
    Ok(())
}

const ICON: &str = "assets/passerelle.ico";
const MANIFEST: &str = "assets/passerelle.manifest";

/// The resource script: the version in both languages; of a program icon 1 and manifest 1 (type 24), too.
fn resources(image: &Image, version: &str, root: &Path) -> String {
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
      VALUE "OriginalFilename", "{name}.{extension}\0"
      VALUE "ProductName", "Passerelle\0"
      VALUE "ProductVersion", "{version}\0"
    }}
"#,
            name = image.name,
            extension = image.extension
        )
    };
    // In the order in which Windows falls back to them.
    let english = strings(ENGLISH, image.english, "MIT or Apache-2.0 licence");
    let french = strings(FRENCH, image.french, "Licence MIT ou Apache-2.0");
    let (file_type, face) = match image.extension {
        "dll" => ("0x2", String::new()),
        _ => (
            "0x1",
            format!(
                "1 ICON \"{}\"\n1 24 \"{}\"\n",
                quoted(&root.join(ICON)),
                quoted(&root.join(MANIFEST))
            ),
        ),
    };
    format!(
        r#"#pragma code_page(65001)
{face}1 VERSIONINFO
FILEVERSION {numbers}
PRODUCTVERSION {numbers}
FILEFLAGSMASK 0x3f
FILEFLAGS 0x0
FILEOS 0x40004
FILETYPE {file_type}
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
"#
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
