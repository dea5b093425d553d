#!/usr/bin/env node
import { uvsadmRestore } from '../src/admin/main.js';

await uvsadmRestore();
