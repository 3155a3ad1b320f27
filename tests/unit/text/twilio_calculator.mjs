// Twilio's own calculator. Arguments: the folder of the npm package, and `count` (a JSON list of texts on stdin; their
// encoding, units and segments on stdout) or `map` (its table of smart encoding on stdout).
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [folder, task] = process.argv.slice(2);
const require = createRequire(import.meta.url);
const { SegmentedMessage } = require(folder);

function count(text) {
  const message = new SegmentedMessage(text, "auto", false);
  const units = message.encodingName === "GSM-7" ? message.messageSize / 7 : message.messageSize / 16;
  return { encoding: message.encodingName, units, segments: message.segmentsCount };
}

const answer =
  task === "map"
    ? require(`${folder}/dist/libs/SmartEncodingMap.js`).default
    : JSON.parse(readFileSync(0, "utf8")).map(count);
process.stdout.write(JSON.stringify(answer));
