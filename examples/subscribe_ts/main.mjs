// node examples/subscribe_ts/main.mjs http://127.0.0.1:3002 training.completed,system_alert [cursor [count]]
// Prints events as they come; API_KEY is the key, where one is needed.
import process from "node:process";
import { follow } from "./follow.mjs";

const [url = "http://127.0.0.1:3002", topics = "", cursor, count = "Infinity"] = process.argv.slice(2);
const headers = process.env.API_KEY ? { "x-api-key": process.env.API_KEY } : {};
const options = {
  headers,
  topics: topics.split(",").filter((topic) => topic !== ""),
  cursor: cursor === undefined ? undefined : Number(cursor),
  onNotice: (notice) => console.error(notice.data.message ?? notice.type),
};
let left = Number(count);
for await (const event of follow(url, options)) {
  console.log(JSON.stringify(event));
  if (--left === 0) break;
}
