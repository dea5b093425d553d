#!/usr/bin/env node
import { main } from '../src/director/main.js';

process.exit(await main(process.argv.slice(2)));
