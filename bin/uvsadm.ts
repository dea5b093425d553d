#!/usr/bin/env node
import { uvsadm } from '../src/admin/main.js';

await uvsadm();
