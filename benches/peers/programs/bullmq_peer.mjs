// BullMQ on Node: address, number of tasks, payload; prints figures as JSON.
import { Queue, Worker, FlowProducer } from 'bullmq';
import { Redis } from 'ioredis';

const [address, count, payload] = process.argv.slice(2);
const { hostname, port } = new URL(address);
const connection = { host: hostname, port: Number(port), maxRetriesPerRequest: null };
const [tasks, oneByOne, batch] = [Number(count), 500, 1000];
const seconds = () => Number(process.hrtime.bigint()) / 1e9;
const figures = {};

const queue = new Queue('bench', { connection });
const client = new Redis(connection);
const serverCpu = async () => {
  const info = await client.info('cpu');
  const field = (name) => Number(info.match(new RegExp(`${name}:([0-9.]+)`))[1]);
  return field('used_cpu_user') + field('used_cpu_sys');
};
const ownCpu = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

let started = seconds();
for (let sent = 0; sent < oneByOne; sent++) await queue.add('noop', { payload });
figures.one_by_one_per_s = oneByOne / (seconds() - started);
started = seconds();
for (let sent = oneByOne; sent < tasks; sent += batch) {
  const jobs = Array.from({ length: Math.min(batch, tasks - sent) }, () => ({ name: 'noop', data: { payload } }));
  await queue.addBulk(jobs);
}
figures.bulk_per_s = (tasks - oneByOne) / (seconds() - started);

const before = { at: seconds(), own: ownCpu(), server: await serverCpu() };
let done = 0;
await new Promise((resolve) => {
  const worker = new Worker('bench', async () => null, { connection, concurrency: 100 });
  worker.on('completed', () => { if (++done === tasks) resolve(worker.close()); });
});
figures.drained_per_s = tasks / (seconds() - before.at);
figures.cpu_s_per_10k = ((ownCpu() - before.own) / tasks) * 10000;
figures.server_cpu_s_per_10k = (((await serverCpu()) - before.server) / tasks) * 10000;

// A chord is a flow: a job that runs once all its children have.
const flows = new FlowProducer({ connection });
const members = new Worker('members', async () => null, { connection, concurrency: 100 });
await new Promise((resolve) => {
  const body = new Worker('body', async (job) => Object.keys(await job.getChildrenValues()).length, { connection });
  started = seconds();
  body.on('completed', () => { figures.chord_1000_ms = (seconds() - started) * 1000; resolve(body.close()); });
  const children = Array.from({ length: 1000 }, () => ({ name: 'noop', queueName: 'members', data: {} }));
  flows.add({ name: 'body', queueName: 'body', data: {}, children });
});
await Promise.all([members.close(), flows.close(), queue.close()]);
console.log(JSON.stringify(figures));
process.exit(0);
