// What was measured, as tables: on the terminal, in docs/benchmarks.md between two lines, and round by round in a file beside it.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { number } from "../../tests/long/programs/support.mjs";
import { at, machine, root } from "./machine.mjs";
import { HYDRA, nodeVersion } from "./others.mjs";

const BEGIN = "<!-- benches/run writes from here … -->";
const END = "<!-- … to here -->";

const sorted = (figures) => [...figures].sort((a, b) => a - b);
const median = (figures) => {
  const all = sorted(figures);
  const middle = Math.floor(all.length / 2);
  return all.length % 2 ? all[middle] : (all[middle - 1] + all[middle]) / 2;
};
/** The median, and the least and the most beside it. */
const spread = (figures, digits = 0) => {
  const all = sorted(figures);
  return `${number(median(all), digits)} (${number(all[0], digits)}–${number(all.at(-1), digits)})`;
};

const label = (name, version) =>
  ({
    bare: "bare actix-web handler",
    sqlite: "Renkei, SQLite",
    postgres: `Renkei, PostgreSQL ${version}`,
    node: `node-oidc-provider ${nodeVersion()}, in memory`,
    hydra: `Ory Hydra ${HYDRA}, SQLite`,
    demo: "`renkei demo`, on its own data",
  })[name] ?? name;

export function report({ groups, results, processes, sizes, notes, rounds, seconds, writing, version, pinned, record }) {
  const { model, cores, memory, load } = machine();
  const git = (...args) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();
  const commit = `${git("rev-parse", "--short", "HEAD")}${git("status", "--porcelain", "--untracked-files=no") ? " with changes" : ""}`;
  const date = new Date().toISOString().slice(0, 10);
  const lines = [
    `${date}, ${commit}, ${number(cores)} cores (${model}), ${number(memory)} GB, a load of ${load} at the end. ${number(rounds)} rounds of ${seconds} s for each, in turn` +
      `${writing < seconds ? ` (writes ${writing} s)` : ""}, 32 kept connections. ${pinned ? "The server, with its database, has one core, the load another." : "The server and the load share one core."}` +
      " A figure is the median of the rounds, with the least and the most.",
    ...notes,
  ];
  for (const group of groups) {
    const own = results.filter((result) => result.group === group.name);
    const names = [...new Set(own.map(({ contender }) => contender))];
    const base = names.find((name) => name === "bare") ?? names.find((name) => name === "node");
    if (!names.length) continue;
    lines.push("", `### ${group.title}`, `| | a second | ${base === "bare" ? "of the bare handler" : "times node"} | CPU of the server, µs each | half / 99 of 100 within, ms | memory at most, MB | load's core busy |`, "|---|---|---|---|---|---|---|");
    for (const name of names) {
      const of = own.filter(({ contender }) => contender === name);
      const ratios = of.map((result) => result.per_second / own.find((other) => other.contender === base && other.round === result.round)?.per_second);
      lines.push(
        `| ${[
          label(name, version),
          spread(of.map((r) => r.per_second)),
          base ? (base === name ? "1" : spread(ratios, 2)) : "–",
          spread(of.map((r) => r.cpu_micros)),
          `${number(median(of.map((r) => r.half_micros)) / 1000, 1)} / ${number(median(of.map((r) => r.p99_micros)) / 1000, 1)}`,
          number(Math.max(...of.map((r) => r.memory_mb))),
          `${number(100 * median(of.map((r) => r.generator_busy_seconds / r.seconds)))} %`,
        ].join(" | ")} |`,
      );
    }
  }
  if (processes.length) {
    lines.push("", "### Start and memory at rest", "| | ready on an existing store, ms | memory two seconds later, MB |", "|---|---|---|");
    for (const { name, ms, rest } of processes) lines.push(`| ${renamed(name, version)} | ${spread(ms)} | ${spread(rest, 1)} |`);
  }
  if (sizes.length) {
    const text = sizes.map(({ name, megabytes }) => `${renamed(name.replace(/ (\d+)$/, (_, n) => `, ${number(Number(n))} links`), version)}: ${number(megabytes)} MB`);
    lines.push("", `The stores: ${text.join("; ")}.`);
  }
  const columns = ["group", "contender", "round", "answers", "seconds", "per_second", "cpu_micros", "half_micros", "p99_micros", "longest_micros", "generator_busy_seconds", "memory_mb", "wrong"];
  const csv = [["date", "commit", ...columns].join(",")];
  for (const result of results) csv.push([date, commit, ...columns.map((column) => rounded(result[column]))].join(","));
  for (const { name, ms, rest } of processes) {
    ms.forEach((took, n) => csv.push([date, commit, "processes", `"${name}"`, n + 1, "", "", "", "", took.toFixed(1), "", "", "", rest[n].toFixed(1), 0].join(",")));
  }
  const wrong = results.reduce((sum, { wrong }) => sum + wrong, 0);
  const answers = results.reduce((sum, { answers }) => sum + answers, 0);
  lines.push("", wrong ? `**${number(wrong)} of ${number(answers)} answers were wrong.**` : `All ${number(answers)} answers were right.`);
  const text = lines.join("\n");
  writeFileSync(at("table.md"), `${text}\n`);
  writeFileSync(at("rounds.csv"), `${csv.join("\n")}\n`);
  console.log(`\n${text}\n\nround by round: ${at("rounds.csv")}`);
  if (!record) return;
  const page = join(root, "docs/benchmarks.md");
  const before = readFileSync(page, "utf8");
  const [from, to] = [before.indexOf(BEGIN), before.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`docs/benchmarks.md has no line ${BEGIN} before ${END}`);
  writeFileSync(page, `${before.slice(0, from + BEGIN.length)}\n${text}\n${before.slice(to)}`);
  mkdirSync(join(root, "docs/benchmarks"), { recursive: true });
  writeFileSync(join(root, "docs/benchmarks/rounds.csv"), `${csv.join("\n")}\n`);
}
const renamed = (name, version) => name.replace(/^\w+/, (contender) => label(contender, version));
const rounded = (value) => (typeof value === "number" && !Number.isInteger(value) ? value.toFixed(3) : value);
