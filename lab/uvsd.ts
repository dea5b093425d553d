#!/usr/bin/env node
/** uvsd as a lab's host runs it: what it keeps is in that host's folder, unless it is told otherwise. */
import { join } from 'node:path';
import { main } from '../src/director/main.js';

const { UVS_LAB_FOLDER: folder = '', UVS_SOCKET: socket = '' } = process.env;
const defaults = ['--state-dir', join(folder, 'state'), '--socket', socket];

process.exit(await main([...defaults, ...process.argv.slice(2)]));
