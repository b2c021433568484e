# `cargo metadata` in, the CycloneDX 1.5 bill of materials of the programs out: what is linked into
# them, not what builds or tests them. $checksums: Cargo.lock's, by "name version".

(.resolve.nodes | map({key: .id, value: .}) | from_entries) as $nodes
| (.packages | map({key: .id, value: .}) | from_entries) as $packages
| .resolve.root as $root

# A procedural macro runs in the compiler; nothing of it is linked.
| def is_macro: $packages[.].targets | any(.kind | index("proc-macro"));
  def linked: $nodes[.].deps
    | map(select(.dep_kinds | any(.kind == null)) | .pkg | select(is_macro | not));
  def reachable: {todo: [.], seen: {}}
    | until(.todo == []; .todo[0] as $id | .seen[$id] = true
        | .todo = .todo[1:] + ($id | linked) | .seen as $seen | .todo |= (map(select($seen[.] | not)) | unique))
    | .seen | keys;
  def purl: $packages[.] | "pkg:cargo/\(.name)@\(.version)";
  def component: $packages[.] as $package
    | {type: "library", "bom-ref": purl, name: $package.name, version: $package.version, purl: purl}
    + (if $package.license then {licenses: [{expression: ($package.license | gsub("/"; " OR "))}]} else {} end)
    + ($checksums["\($package.name) \($package.version)"] as $sum
      | if $sum then {hashes: [{alg: "SHA-256", content: $sum}]} else {} end);

  ($root | reachable) as $all
| {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
      timestamp: $timestamp,
      component: ($root | component + {type: "application"})
    },
    components: ($all - [$root] | map(component) | sort_by(.purl)),
    dependencies: ($all | map({ref: purl, dependsOn: (linked | map(purl) | unique)}) | sort_by(.ref))
  }
