// What OpenClaw sends for each text of a JSON list on stdin: a JSON list of lists of texts on stdout.
// Its SMS channel's way: Markdown stripped, then cut at 1500 characters. Needs Node 24 and the npm package `openclaw`,
// whose folder is the first argument. `bench/formatting.py` runs it.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const entrance = pathToFileURL(`${process.argv[2]}/dist/plugin-sdk/text-chunking.js`);
const { stripMarkdown, chunkTextForOutbound } = await import(entrance);
const replies = JSON.parse(readFileSync(0, "utf8"));
const sent = replies.map((reply) => chunkTextForOutbound(stripMarkdown(reply), 1500));
process.stdout.write(JSON.stringify(sent));
